//! JSON Schema of arguments, as plain as every provider takes it.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

/// The schema of a tool's arguments: no references, no dialect, no formats, no lists of types.
pub(super) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut value = settings.into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut value);
    if let Value::Object(object) = &mut value {
        object.remove("description");
        object.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    }
    value
}

fn plain(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let is_schema = object.contains_key("type") || object.contains_key("$schema");
            if is_schema {
                for key in ["$schema", "title", "format", "minimum", "maximum", "default"] {
                    object.remove(key);
                }
                // `["integer", "null"]`: left out is the same as null.
                if let Some(Value::Array(kinds)) = object.get("type")
                    && let Some(kind) = kinds.iter().find(|kind| *kind != "null").cloned()
                {
                    object.insert("type".into(), kind);
                }
            }
            object.values_mut().for_each(plain);
        }
        Value::Array(list) => list.iter_mut().for_each(plain),
        _ => {}
    }
}
