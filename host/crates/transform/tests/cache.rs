//! Compiled code that is kept.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::os::unix::fs::PermissionsExt;

use chameleon_diag::Diagnostic;
use chameleon_transform::{Engine, Module};
use support::Bench;

#[test]
fn compiled_code_is_kept_in_a_directory_of_its_owner_and_used_again() {
    let bench = Bench::new();
    let cache = bench.dir.path().join("cache");
    let mode = std::fs::metadata(&cache).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let path = bench.guest("identity", false);
    let first = Module::load(&bench.engine, &path, None).unwrap();
    assert!(first.facts().compiled_in.is_some());
    let again = Engine::new(&cache).unwrap();
    let second = Module::load(&again, &path, None).unwrap();
    assert_eq!(second.facts().compiled_in, None);
    assert_eq!(second.facts().sha256, first.facts().sha256);
    assert_eq!(second.describe(&again).unwrap().name, "wat");
}

#[test]
fn damaged_code_is_compiled_again() {
    let bench = Bench::new();
    let path = bench.guest("identity", false);
    Module::load(&bench.engine, &path, None).unwrap();
    let kept: Vec<_> = std::fs::read_dir(bench.dir.path().join("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [file] = kept.as_slice() else {
        panic!("{kept:?}");
    };
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let module = Module::load(&bench.engine, &path, None).unwrap();
    assert!(module.facts().compiled_in.is_some());
}

#[test]
fn a_directory_that_others_may_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = Engine::new(dir.path()).unwrap_err();
    assert_eq!(error.code().to_string(), "TRF008");
    let link = dir.path().join("link");
    let real = dir.path().join("real");
    Engine::new(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert_eq!(Engine::new(&link).unwrap_err().code().to_string(), "TRF008");
}
