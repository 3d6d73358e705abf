//! The dashboard for Grafana that comes with the agent. The metrics' own tests include this file too.

use serde_json::Value;

/// Its queries in fields of these names: `expr` in a panel, `definition` in a variable.
pub fn queries(fields: &[&str]) -> Vec<String> {
    let dashboard: Value = serde_json::from_str(include_str!("../../../docs/grafana/matrixai.json")).unwrap();
    let mut found = Vec::new();
    walk(&dashboard, fields, &mut found);
    found
}

fn walk(value: &Value, fields: &[&str], found: &mut Vec<String>) {
    match value {
        Value::Object(all) => {
            for (name, field) in all {
                match field {
                    Value::String(text) if fields.contains(&name.as_str()) => found.push(text.clone()),
                    field => walk(field, fields, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| walk(one, fields, found)),
        _ => {}
    }
}
