//! Whether the transforms load, take the tables, and get from the source what they need.

use std::collections::BTreeMap;
use std::sync::Arc;

use chameleon_diag::{Finding, Severity, codes};
use chameleon_model::TableSchema;

use super::{SourceSide, finding, of_error};
use crate::context::Context;
use crate::shape::Shaper;

/// The tables as the target is to have them, and what stands in the way. Where the transforms cannot
/// be loaded the tables are the source's own.
pub(super) fn check(cx: &Context, source: &SourceSide) -> (Vec<TableSchema>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut shaper = match Shaper::new(cx) {
        Ok(shaper) => shaper,
        Err(error) => {
            findings.push(of_error(&error, "transforms"));
            return (source.tables.clone(), findings);
        }
    };
    let mut tables = BTreeMap::new();
    for table in &source.tables {
        let table = Arc::new(table.clone());
        let name = table.name.to_string();
        match shaper.learn(&table) {
            Ok(targets) => {
                for target in targets {
                    tables.insert(target.name(), TableSchema::clone(&target.table));
                }
            }
            Err(refused) => findings.push(finding(
                Severity::Error,
                refused.code,
                name.clone(),
                refused.reason,
                format!("chameleon explain {}", refused.code),
            )),
        }
        if shaper.needs_full_images(&table) && !source.full_images {
            findings.push(finding(
                Severity::Error,
                codes::TRF027,
                name,
                "its transforms filter, route or make keys, which needs whole old and new rows, \
                 and binlog_row_image is not FULL",
                "SET GLOBAL binlog_row_image = FULL; and in the server's configuration",
            ));
        }
    }
    for transform in &cx.config.transforms {
        for pattern in &transform.tables {
            if !source.tables.is_empty() && !names_a_table(pattern, &source.tables) {
                findings.push(finding(
                    Severity::Warning,
                    codes::TRF011,
                    format!("transforms: {}", transform.name),
                    format!("{pattern} is none of the tables that are replicated"),
                    "correct the name under tables, or take it out",
                ));
            }
        }
    }
    (tables.into_values().collect(), findings)
}

fn names_a_table(pattern: &str, tables: &[TableSchema]) -> bool {
    let same = |name: &str| name.to_lowercase() == pattern.to_lowercase();
    pattern == "*"
        || tables
            .iter()
            .any(|t| same(&t.name.name) || same(&t.name.to_string()))
}
