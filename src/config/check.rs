//! Walks a parsed TOML file along its JSON Schema: what fits is kept as JSON, what doesn't becomes a [`Mistake`] and is left
//! out. Nothing stops at the first mistake.

use std::{collections::BTreeMap, ops::Range};

use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    error::Mistake,
    suggest, text,
    words::{self, expected_names, kind, owner},
};

/// Where something stands in the file.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Its key; elements of a list have none.
    pub key: Option<Range<usize>>,
    /// Its value; of a `[table]`, the header.
    pub value: Range<usize>,
}

impl Place {
    /// Its key, or else its value.
    pub fn name(&self) -> Range<usize> {
        self.key.clone().unwrap_or_else(|| self.value.clone())
    }
}

/// Where everything stands in the file, by the keys that lead to it (the elements of a list by their number from 0).
#[derive(Clone, Debug, Default)]
pub struct Places(BTreeMap<Vec<String>, Place>);

impl Places {
    /// Where the value with this path stands; the start of the file if it isn't there.
    pub fn get(&self, path: &[String]) -> Place {
        self.0.get(path).cloned().unwrap_or_default()
    }

    /// Everything below a path, with its place.
    pub fn below<'a>(&'a self, path: &'a [String]) -> impl Iterator<Item = (&'a [String], &'a Place)> {
        let from = self.0.range(path.to_vec()..).map(|(key, place)| (key.as_slice(), place));
        from.take_while(move |(key, _)| key.starts_with(path))
    }
}

/// What is right in a file, what is wrong, and where everything stands.
#[derive(Debug, Default)]
pub struct Checked {
    /// The right part.
    pub value: Value,
    /// Where everything stands.
    pub places: Places,
    /// The wrong part.
    pub mistakes: Vec<Mistake>,
}

/// Checks a file against its schema (see [`super::schema`]).
pub fn check(schema: &Value, root: &Spanned<DeTable<'_>>) -> Checked {
    let mut walk = Walk { root: schema, path: Vec::new(), done: Checked::default() };
    let value = walk.table(schema, root.get_ref(), 0..0);
    Checked { value, ..walk.done }
}

struct Walk<'s> {
    root: &'s Value,
    path: Vec<String>,
    done: Checked,
}

impl<'s> Walk<'s> {
    fn wrong(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Mistake {
        self.done.mistakes.push(Mistake::new(span, &self.path, message));
        let last = self.done.mistakes.len() - 1;
        &mut self.done.mistakes[last]
    }

    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
        name.map_or(schema, |name| &self.root["$defs"][name])
    }

    /// The value, as far as it is right. Nothing is wrong in it that hasn't been said.
    fn value(&mut self, schema: &'s Value, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let schema = self.resolve(schema);
        if let Some(options) = schema["anyOf"].as_array() {
            let fits = options.iter().find(|option| allows(self.resolve(option), value.get_ref()));
            return match fits {
                Some(option) => self.value(option, value),
                None => self.wrong_type(schema, value),
            };
        }
        if !allows(schema, value.get_ref()) {
            return self.wrong_type(schema, value);
        }
        match value.get_ref() {
            DeValue::String(text) => self.text(schema, text, value.span()),
            // In a value that may also be a text, `3.10` is "3.10", not 3.1.
            DeValue::Integer(number) if schema["type"].is_array() => Some(number.to_string().into()),
            DeValue::Float(number) if schema["type"].is_array() => Some(number.to_string().into()),
            DeValue::Boolean(flag) if schema["type"].is_array() => Some(flag.to_string().into()),
            DeValue::Integer(number) if schema["type"] == "number" => self.float(schema, number.as_str(), value.span()),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(i64::MAX);
                self.number(schema, number, value.span())
            }
            DeValue::Float(number) => self.float(schema, number.as_str(), value.span()),
            DeValue::Boolean(flag) => Some((*flag).into()),
            DeValue::Datetime(moment) => Some(moment.to_string().into()),
            DeValue::Array(list) => Some(self.list(schema, list, value.span())),
            DeValue::Table(table) => Some(self.table(schema, table, value.span())),
        }
    }

    fn wrong_type(&mut self, schema: &Value, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let expected = words::describe(self.root, schema);
        let key = self.path.last().cloned().unwrap_or_default();
        let what = if key.parse::<usize>().is_ok() { "this".to_owned() } else { format!("`{key}`") };
        let found = kind(value.get_ref());
        let wants_list = schema["type"] == "array" && matches!(value.get_ref(), DeValue::String(_));
        let wrong = self.wrong(value.span(), format!("{what} is {found}"));
        wrong.expected = Some(expected);
        if wants_list && let DeValue::String(text) = value.get_ref() {
            wrong.hint = Some(format!("put it in brackets: {key} = [{text:?}]"));
        }
        None
    }

    fn text(&mut self, schema: &Value, text: &str, span: Range<usize>) -> Option<Value> {
        if let Some(names) = schema["enum"].as_array() {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            if !names.contains(&text) {
                let about = schema["title"].as_str().unwrap_or("value");
                let wrong = self.wrong(span, format!("unknown {about} `{text}`"));
                wrong.hint = suggest::did_you_mean(text, names.iter().copied());
                wrong.expected = expected_names(&names, wrong.hint.is_some());
                return None;
            }
        }
        let format = schema["format"].as_str().unwrap_or_default();
        if let Some(why) = text::complaint(format, text) {
            self.wrong(span, why).expected = text::looks_like(format).map(str::to_owned);
            return None;
        }
        Some(text.into())
    }

    fn number(&mut self, schema: &Value, number: i64, span: Range<usize>) -> Option<Value> {
        let (least, most) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            let key = self.path.last().cloned().unwrap_or_default();
            let side = if least.is_some_and(|least| number < least) { "small" } else { "large" };
            let expected = words::describe(self.root, schema);
            self.wrong(span, format!("`{key}` is too {side}: {number}")).expected = Some(expected);
            return None;
        }
        Some(number.into())
    }

    fn float(&mut self, schema: &Value, text: &str, span: Range<usize>) -> Option<Value> {
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        let least = schema["minimum"].as_f64().unwrap_or(f64::MIN);
        if number.is_none_or(|number| number < least) {
            let key = self.path.last().cloned().unwrap_or_default();
            let expected = words::describe(self.root, schema);
            self.wrong(span, format!("`{key}` can't be {text}")).expected = Some(expected);
            return None;
        }
        number.map(Value::from)
    }

    fn list(&mut self, schema: &'s Value, list: &[Spanned<DeValue<'_>>], span: Range<usize>) -> Value {
        let key = self.path.last().cloned().unwrap_or_default();
        if list.is_empty() && schema["minItems"].as_u64().is_some_and(|least| least > 0) {
            let expected = format!("at least one: {}", words::describe(self.root, &schema["items"]));
            self.wrong(span, format!("`{key}` is empty")).expected = Some(expected);
        }
        let mut values: Vec<Value> = Vec::new();
        for (index, item) in list.iter().enumerate() {
            self.path.push(index.to_string());
            self.done.places.0.insert(self.path.clone(), Place { key: None, value: item.span() });
            if let Some(value) = self.value(&schema["items"], item) {
                if schema["uniqueItems"] == true && values.contains(&value) {
                    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    self.wrong(item.span(), format!("`{shown}` stands in `{key}` twice"));
                } else {
                    values.push(value);
                }
            }
            self.path.pop();
        }
        values.into()
    }

    fn table(&mut self, schema: &'s Value, table: &DeTable<'_>, span: Range<usize>) -> Value {
        let mut object = Map::new();
        let known: Vec<&str> =
            schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let place = Place { key: Some(key.span()), value: value.span() };
            let property = schema["properties"].get(name);
            let more = schema.get("additionalProperties").unwrap_or(&Value::Null);
            if property.is_none() && *more == false {
                self.unknown_key(name, &known, key.span());
                continue;
            }
            self.path.push(name.to_owned());
            self.done.places.0.insert(self.path.clone(), place);
            if let Some(format) = schema["propertyNames"]["format"].as_str()
                && let Some(why) = text::complaint(format, name)
            {
                let wrong = self.wrong(key.span(), why);
                wrong.expected = text::looks_like(format).map(str::to_owned);
                let word = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
                let name: String = name.chars().map(word).collect();
                wrong.hint = text::is_name(&name).then(|| format!("write {name}")).filter(|_| format == "name");
            }
            let rule = property.unwrap_or(more);
            // The name of a job whose table is wrong is still right: what needs the job must not be called wrong too.
            let empty = || (self.resolve(rule)["type"] == "object").then(|| Value::Object(Map::new()));
            let otherwise = if property.is_none() { empty() } else { None };
            if let Some(value) = self.value(rule, value).or(otherwise) {
                object.insert(name.to_owned(), value);
            }
            self.path.pop();
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let meant = |key: &str| {
                known.iter().all(|known| *known != key) && suggest::nearest(key, known.iter().copied()) == Some(name)
            };
            if table.keys().all(|key| key.get_ref() != name && !meant(key.get_ref())) {
                let expected = format!("`{name}`: {}", words::describe(self.root, &schema["properties"][name]));
                let owner = owner(&self.path);
                self.wrong(span.clone(), format!("{owner} has no `{name}`")).expected = Some(expected);
            }
        }
        object.into()
    }

    fn unknown_key(&mut self, name: &str, known: &[&str], span: Range<usize>) {
        let owner = owner(&self.path);
        let wrong = self.wrong(span, format!("unknown key `{name}` in {owner}"));
        wrong.hint = suggest::did_you_mean(name, known.iter().copied());
        wrong.expected = expected_names(known, wrong.hint.is_some());
    }
}

/// Whether a schema without `anyOf` takes a value of this kind.
fn allows(schema: &Value, value: &DeValue<'_>) -> bool {
    let is = match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "datetime",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    };
    let takes = |kind: &Value| kind == is || (kind == "number" && is == "integer");
    match &schema["type"] {
        Value::Null => true,
        Value::Array(kinds) => kinds.iter().any(takes),
        kind => takes(kind),
    }
}
