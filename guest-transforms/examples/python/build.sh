#!/bin/sh
# Builds the transform: sh build.sh OUT.wasm
set -eu
out=$1
cd "$(dirname "$0")"
"${COMPILER:-componentize-py}" --quiet --wit-path ../../wit --world transform componentize --stub-wasi app --output "$out"
