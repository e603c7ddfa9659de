//! A case as its file has it: one row a line, keys in the order in which they are read.

use serde::Serialize;
use serde_json::Value;

use super::transform_case::{Came, Case, CaseOnError, DdlStep, RowsStep, Step};
use super::transform_plan::PlanText;

/// The text of the file.
pub(super) fn rendered(case: &Case) -> String {
    let mut entries = Vec::new();
    let mut put = |name: &str, text: String| entries.push(format!("  \"{name}\": {text}"));
    if let Some(description) = &case.description {
        put("description", json(description));
    }
    if let Some(database) = &case.database {
        put("database", json(database));
    }
    put("table", json(&case.table));
    if case.config != Value::Null {
        put("config", json(&case.config));
    }
    if let Some(secrets) = &case.secrets {
        put("secrets", json(secrets));
    }
    if case.on_error != CaseOnError::Stop {
        put("on_error", json(&case.on_error));
    }
    if let Some(refused) = &case.refused {
        put("refused", json(refused));
    }
    if let Some(plan) = &case.expect {
        put("expect", plan_text(plan, "  "));
    }
    if !case.steps.is_empty() {
        let steps: Vec<String> = case.steps.iter().map(step).collect();
        put("steps", format!("[\n{}\n  ]", steps.join(",\n")));
    }
    format!("{{\n{}\n}}\n", entries.join(",\n"))
}

fn json(value: &impl Serialize) -> String {
    // strings as keys and plain values: nothing that could fail
    serde_json::to_string(value).unwrap_or_default()
}

fn plan_text(plan: &PlanText, indent: &str) -> String {
    let PlanText::Apply(apply) = plan else {
        return json(plan);
    };
    let routes: Vec<String> = apply
        .routes
        .0
        .iter()
        .map(|(table, columns)| {
            let columns = list(columns.iter().map(json), &format!("{indent}    "));
            format!("{indent}    {}: {columns}", json(table))
        })
        .collect();
    format!(
        "{{\n{indent}  \"routes\": {{\n{}\n{indent}  }},\n{indent}  \"reads\": {},\n\
         {indent}  \"reads_before\": {}\n{indent}}}",
        routes.join(",\n"),
        json(&apply.reads),
        json(&apply.reads_before),
    )
}

/// One entry a line.
fn list(entries: impl Iterator<Item = String>, indent: &str) -> String {
    let entries: Vec<String> = entries.map(|entry| format!("{indent}  {entry}")).collect();
    if entries.is_empty() {
        return "[]".into();
    }
    format!("[\n{}\n{indent}]", entries.join(",\n"))
}

fn step(step: &Step) -> String {
    match step {
        Step::Rows(rows) => rows_step(rows),
        Step::Ddl(ddl) => ddl_step(ddl),
    }
}

fn rows_step(step: &RowsStep) -> String {
    let indent = "      ";
    let mut entries = Vec::new();
    let mut put = |name: &str, text: String| entries.push(format!("{indent}\"{name}\": {text}"));
    put("rows", list(step.rows.iter().map(json), indent));
    if let Some(micros) = step.commit_micros {
        put("commit_micros", json(&micros));
    }
    if let Some(position) = &step.position {
        put("position", json(position));
    }
    if let Some(expect) = &step.expect {
        put(
            "expect",
            list(expect.iter().map(|came: &Came| json(came)), indent),
        );
    }
    format!("    {{\n{}\n    }}", entries.join(",\n"))
}

fn ddl_step(step: &DdlStep) -> String {
    let indent = "      ";
    let mut entries = vec![format!("{indent}\"ddl\": {}", json(&step.ddl))];
    if let Some(refused) = &step.refused {
        entries.push(format!("{indent}\"refused\": {}", json(refused)));
    }
    if let Some(plan) = &step.expect {
        entries.push(format!("{indent}\"expect\": {}", plan_text(plan, indent)));
    }
    format!("    {{\n{}\n    }}", entries.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_back_as_it_is_written() {
        let text = r#"{
  "table": "create table t (id int primary key)",
  "config": {"a":[1]},
  "expect": {
    "routes": {
      "shop.t": [
        "id int not null key <- id"
      ]
    },
    "reads": [],
    "reads_before": []
  },
  "steps": [
    {
      "rows": [
        {"op":"update","before":{"id":1},"after":{"id":2}}
      ],
      "expect": [
        {"table":"shop.t","op":"insert","after":{"id":2}},
        {"failed":"TRF026","row":0,"reason":"no"}
      ]
    },
    {
      "ddl": "alter table t add b int",
      "expect": "pass"
    }
  ]
}
"#;
        let case: Case = serde_json::from_str(text).unwrap();
        assert_eq!(rendered(&case), text);
    }
}
