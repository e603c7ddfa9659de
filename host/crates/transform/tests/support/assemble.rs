//! Guests of `testdata/wat` as modules.

use std::path::Path;

use wit_component::StringEncoding;
use wit_parser::Resolve;

/// A guest's bytes; a core module gets its interface described, unless `bare`.
pub(crate) fn guest(root: &Path, name: &str, bare: bool) -> Vec<u8> {
    let text = root.join(format!("testdata/wat/{name}.wat"));
    let mut bytes = wat::parse_file(&text).unwrap();
    let core = bytes.get(4..8) == Some(&[1, 0, 0, 0]);
    if bare || !core {
        return bytes;
    }
    let wit = std::fs::read_to_string(root.join("guest-transforms/wit/transform.wit")).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("transform.wit", &wit).unwrap();
    let world = resolve.select_world(&[package], Some("transform")).unwrap();
    let utf8 = StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut bytes, &resolve, world, utf8).unwrap();
    bytes
}
