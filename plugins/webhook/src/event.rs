//! An event, as the specification of Standard Webhooks recommends its content:
//! `type`, `timestamp` and `data`.

use serde_json::{Map, Value, json};
use tollgate_sdk::prelude::*;

/// The longest type of an event, bytes.
const TYPE_BYTES_MAX: usize = 128;

/// The longest time, bytes: RFC 3339 with nanoseconds and an offset has 35.
const TIME_BYTES_MAX: usize = 40;

/// What is sent.
pub(crate) fn content(
    event_type: &str,
    occurred_at: Option<&str>,
    data: Map<String, Value>,
) -> Result<Value, ToolError> {
    if !is_type(event_type) {
        let message = "write groups of letters, digits and `_` with `.` between them, \
             as `order.paid`";
        return Err(ToolError::invalid_input("/event_type", message));
    }
    let mut event = json!({ "type": event_type, "data": data });
    if let Some(at) = occurred_at {
        if !is_time(at) {
            let message = "write a date and time of RFC 3339, as `2026-01-31T08:00:00Z`";
            return Err(ToolError::invalid_input("/occurred_at", message));
        }
        event["timestamp"] = at.into();
    }
    Ok(event)
}

/// The specification: full-stop delimited, of `[a-zA-Z0-9_]`.
fn is_type(text: &str) -> bool {
    let group = |group: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !group.is_empty() && group.bytes().all(fits)
    };
    text.len() <= TYPE_BYTES_MAX && text.split('.').all(group)
}

/// The shape of a date and time; whether there is such a day is the receiver's.
fn is_time(text: &str) -> bool {
    let shape = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let head = bytes.len() > shape.len()
        && bytes.len() <= TIME_BYTES_MAX
        && shape.iter().zip(bytes).all(|(shape, byte)| match shape {
            b'0' => byte.is_ascii_digit(),
            sign => sign == byte,
        });
    let rest = text.get(shape.len()..).unwrap_or_default();
    let fraction = rest.strip_prefix('.').map(|digits| {
        let end = digits.find(|c: char| !c.is_ascii_digit());
        (end != Some(0)).then(|| end.and_then(|end| digits.get(end..)))
    });
    let zone = match fraction {
        None => Some(rest),
        Some(after) => after.flatten(),
    };
    let is_offset = |zone: &str| {
        let digits = zone.strip_prefix(['+', '-']).unwrap_or_default();
        let shape = digits.bytes().enumerate().all(|(at, byte)| match at {
            2 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
        digits.len() == 5 && shape
    };
    head && zone.is_some_and(|zone| zone == "Z" || is_offset(zone))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    #[test]
    fn an_event_has_its_type_its_time_and_its_data_and_nothing_else() {
        let data = json!({"order": 7, "type": "mine"});
        let data = data.as_object().unwrap().clone();
        let event = content("order.paid", Some("2026-01-31T08:00:00Z"), data.clone());
        assert_eq!(
            event.unwrap(),
            json!({"type": "order.paid", "timestamp": "2026-01-31T08:00:00Z", "data": data})
        );
        let plain = content("ping", None, Map::new()).unwrap();
        assert_eq!(plain, json!({"type": "ping", "data": {}}));
    }

    #[test]
    fn types_and_times_of_other_shapes_are_refused() {
        for bad in ["", ".", "a.", "a..b", "a b", "a-b", "ä", &"a".repeat(129)] {
            assert!(content(bad, None, Map::new()).is_err(), "{bad}");
        }
        for good in [
            "2026-01-31T08:00:00Z",
            "2026-01-31T08:00:00.123456789+02:00",
            "2026-01-31T08:00:00-05:30",
        ] {
            assert!(is_time(good), "{good}");
        }
        for bad in [
            "",
            "2026-01-31",
            "2026-01-31T08:00:00",
            "2026-01-31 08:00:00Z",
            "2026-01-31T08:00:00.Z",
            "2026-01-31T08:00:00.5",
            "2026-01-31T08:00:00+0200",
            "2026-01-31T08:00:00Zx",
            "2026-01-31T08:00:00é",
        ] {
            assert!(!is_time(bad), "{bad}");
        }
    }
}
