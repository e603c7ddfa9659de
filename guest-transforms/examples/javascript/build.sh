#!/bin/sh
# Builds the transform: sh build.sh OUT.wasm
set -eu
out=$1
cd "$(dirname "$0")"
${COMPILER:-npx componentize-js} transform.js --wit ../../wit --world-name transform \
    --disable stdio random clocks http fetch-event --out "$out"
