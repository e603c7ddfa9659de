//! How types and values are mapped: `type_profile`, `type_override`, `zero_date`, `nul_character`,
//! `hexify` and `empty_enum_label`.

use chameleon_diag::codes;
use chameleon_model::{
    ExtensionTypes, MappingRules, NulPolicy, TypeOverride, TypeProfile, ZeroDatePolicy,
};

use crate::faults::nearest;
use crate::section::{Section, shape, shown_key};
use crate::yaml::Kind;

/// Source types that hold bytes, which are what `hexify` is for.
const BINARY_TYPES: &[&str] = &[
    "tinyblob",
    "blob",
    "mediumblob",
    "longblob",
    "binary",
    "varbinary",
];

/// Reads the rules.
pub(crate) fn read(root: &mut Section<'_>) -> MappingRules {
    let profiles = [
        ("default", TypeProfile::Lossless),
        ("pg_chameleon", TypeProfile::PgChameleon),
    ];
    let zero_dates = [
        ("null", ZeroDatePolicy::Null),
        ("epoch", ZeroDatePolicy::Epoch),
        ("minus_infinity", ZeroDatePolicy::MinusInfinity),
        ("fail", ZeroDatePolicy::Fail),
    ];
    let nul_characters = [
        ("fail", NulPolicy::Fail),
        ("strip", NulPolicy::Strip),
        ("replace", NulPolicy::Replace),
    ];
    MappingRules {
        profile: root.choice("type_profile", &profiles).unwrap_or_default(),
        overrides: overrides(root),
        zero_date: root.choice("zero_date", &zero_dates).unwrap_or_default(),
        nul_character: root
            .choice("nul_character", &nul_characters)
            .unwrap_or_default(),
        hexify: hexify(root),
        empty_enum_label: root.truth("empty_enum_label", true),
        // known once the target is
        extensions: ExtensionTypes::default(),
    }
}

fn hexify(root: &mut Section<'_>) -> Vec<String> {
    let line = root.line_of("hexify");
    let mut types = root.list("hexify");
    for name in &mut types {
        *name = name.trim().to_lowercase();
        if !BINARY_TYPES.contains(&name.as_str()) {
            let remedy = match nearest(name, BINARY_TYPES) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("name some of {}", BINARY_TYPES.join(", ")),
            };
            let what = format!("{} is no binary type", crate::faults::quoted(name));
            root.faults
                .warning(codes::CFG004, "hexify", line, what, remedy);
        }
    }
    types
}

fn overrides(root: &mut Section<'_>) -> Vec<TypeOverride> {
    let Some(section) = root.section("type_override", false) else {
        return Vec::new();
    };
    let mut overrides = Vec::new();
    for (source, node) in section.entries() {
        let path = section.path(&shown_key_of_type(source));
        let Kind::Map(map) = &node.kind else {
            let what = format!(
                "{} where a map with `override_to` was expected",
                shape(node)
            );
            let remedy = "write {override_to: boolean, override_tables: [\"*\"]}";
            section.faults.value(&path, node.line, what, remedy);
            continue;
        };
        let mut entry = Section::new(&path, node.line, map, section.faults, false);
        let target = entry.required("override_to", "name the PostgreSQL type");
        if !is_type_name(&target) {
            let line = entry.line_of("override_to");
            let what = "this is not the name of a type".to_owned();
            let remedy = "write a PostgreSQL type such as boolean or numeric(10,2)";
            section
                .faults
                .value(&entry.path("override_to"), line, what, remedy);
        }
        let mut tables = entry.list("override_tables");
        if tables.is_empty() {
            tables.push("*".into());
        }
        entry.finish(&[]);
        overrides.push(TypeOverride {
            source: source.trim().to_owned(),
            target: target.trim().to_owned(),
            tables,
        });
    }
    overrides
}

/// Keys here are types, `decimal(10, 2)` among them: more than a key is elsewhere.
fn shown_key_of_type(source: &str) -> String {
    if source.contains([':', '=']) {
        return shown_key(source);
    }
    source
        .chars()
        .filter(|c| !c.is_control())
        .take(60)
        .collect()
}

/// The text goes into DDL, so it may hold what type names are made of and nothing else. Empty text
/// was reported already.
fn is_type_name(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || "_ .,()[]\"$".contains(c))
        && text.matches('"').count().is_multiple_of(2)
}
