//! Values as authors write them in TOML, made into JSON.
//!
//! TOML has no null, and some inputs are made of what an earlier call answered.
//! So an object with one of these keys stands for another value:
//!
//! | written | stands for |
//! |---|---|
//! | `{ "$json" = "null" }` | the JSON in the text |
//! | `{ "$output" = "1/rows/0/id" }` | what call 1 answered, at this JSON Pointer |
//! | `{ "$repeat" = "ab", "$times" = 1000 }` | a text, so many times |

use serde_json::{Map, Value};

/// Under this key serde hands over a date or time of TOML.
const TOML_TIME: &str = "$__toml_private_datetime";

/// The longest text that `$repeat` makes, bytes.
const REPEATED_BYTES_MAX: usize = 64 << 20;

/// The value that is meant. `outputs` are those of the calls so far.
pub(crate) fn resolve(written: &Value, outputs: &[Option<Value>]) -> Result<Value, String> {
    match written {
        Value::Object(object) => match stands_for(object, outputs) {
            Some(value) => value,
            None => object
                .iter()
                .map(|(name, value)| Ok((name.clone(), resolve(value, outputs)?)))
                .collect::<Result<Map<_, _>, String>>()
                .map(Value::Object),
        },
        Value::Array(items) => items.iter().map(|item| resolve(item, outputs)).collect(),
        other => Ok(other.clone()),
    }
}

fn stands_for(
    object: &Map<String, Value>,
    outputs: &[Option<Value>],
) -> Option<Result<Value, String>> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    if let (1, Some(time)) = (object.len(), text(TOML_TIME)) {
        return Some(Ok(Value::from(time)));
    }
    if let (1, Some(json)) = (object.len(), text("$json")) {
        let read = serde_json::from_str(json);
        return Some(read.map_err(|error| format!("`$json` holds no JSON: {error}: {json}")));
    }
    if let (1, Some(place)) = (object.len(), text("$output")) {
        return Some(output(place, outputs));
    }
    if let (2, Some(part), Some(times)) = (
        object.len(),
        text("$repeat"),
        object.get("$times").and_then(Value::as_u64),
    ) {
        return Some(repeated(part, times));
    }
    None
}

fn output(place: &str, outputs: &[Option<Value>]) -> Result<Value, String> {
    let (call, pointer) = match place.split_once('/') {
        Some((call, rest)) => (call, format!("/{rest}")),
        None => (place, String::new()),
    };
    let number: usize = call.parse().map_err(|_| {
        format!("`$output` begins with a call's number, as in `1/id`; found `{place}`")
    })?;
    let output = number
        .checked_sub(1)
        .and_then(|index| outputs.get(index))
        .and_then(Option::as_ref)
        .ok_or_else(|| format!("`$output`: call {number} has no output yet"))?;
    let found = output.pointer(&pointer).cloned();
    found.ok_or_else(|| format!("`$output`: the output of call {number} has no `{pointer}`"))
}

fn repeated(part: &str, times: u64) -> Result<Value, String> {
    let times = usize::try_from(times).ok();
    let fits = |times: &usize| {
        part.len()
            .checked_mul(*times)
            .is_some_and(|bytes| bytes <= REPEATED_BYTES_MAX)
    };
    let times = times
        .filter(fits)
        .ok_or_else(|| format!("`$repeat` makes at most {REPEATED_BYTES_MAX} bytes"))?;
    Ok(Value::from(part.repeat(times)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn null_times_earlier_outputs_and_long_texts_can_be_written() {
        let written: Value = toml::from_str(
            "a = { \"$json\" = \"[null]\" }\nb = 2026-11-22\nc = [{ \"$output\" = \"1/rows/0/id\" }]\n\
             d = { \"$repeat\" = \"ab\", \"$times\" = 3 }\n",
        )
        .unwrap();
        let outputs = [Some(json!({"rows": [{"id": 7}]}))];
        assert_eq!(
            resolve(&written, &outputs).unwrap(),
            json!({"a": [null], "b": "2026-11-22", "c": [7], "d": "ababab"})
        );
    }

    #[test]
    fn what_cannot_be_made_is_said() {
        for (written, words) in [
            (json!({"$json": "{"}), "holds no JSON"),
            (json!({"$output": "2/id"}), "call 2 has no output yet"),
            (json!({"$output": "0/id"}), "call 0 has no output yet"),
            (json!({"$output": "1/no"}), "has no `/no`"),
            (json!({"$output": "id"}), "begins with a call's number"),
            (json!({"$repeat": "abcd", "$times": u64::MAX}), "at most"),
        ] {
            let said = resolve(&written, &[Some(json!({"id": 1}))]).unwrap_err();
            assert!(said.contains(words), "{written}: {said}");
        }
    }
}
