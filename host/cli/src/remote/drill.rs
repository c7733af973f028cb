//! What an operator plants to see whether approvers look at what they decide on.

use std::fs;
use std::io::{self, Read as _};

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_policy::visible;
use tollgate_runtime::{NewDrill, PlantedDrill};

use super::Client;
use crate::arguments::{Drill, Server};
use crate::exit::Exit;
use crate::output::{self, line};

pub(crate) async fn drill(server: &Server, drill: &Drill, as_json: bool) -> anyhow::Result<Exit> {
    let template = match &drill.template {
        Some(file) => Some(read(file)?),
        None => None,
    };
    let new = NewDrill {
        approval: drill.approval.clone(),
        template: template
            .map(serde_json::from_value)
            .transpose()
            .context("the template cannot be used")?,
        like: drill.like.clone(),
        set: drill
            .set
            .iter()
            .map(|one| set(one))
            .collect::<Result<_, _>>()?,
    };
    let client = Client::of(server)?;
    let planted: PlantedDrill = client
        .send(Method::POST, "/v1/drills", Some(json!(new)))
        .await?;
    if as_json {
        output::json(&planted);
        return Ok(Exit::Success);
    }
    line(format!(
        "{} waits for {}: {}",
        planted.approval,
        visible(&planted.approvers.join(", ")),
        visible(&planted.title),
    ));
    output::note("it does nothing, whatever they say; `tollgate report` counts it once it is over");
    Ok(Exit::Success)
}

fn read(file: &str) -> anyhow::Result<Value> {
    let text = match file {
        "-" => {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the template")?;
            text
        }
        file => fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?,
    };
    tollgate_policy::parse_exact(&text).context("the template cannot be used")
}

fn set(text: &str) -> anyhow::Result<(String, Value)> {
    let (pointer, value) = text
        .split_once('=')
        .filter(|(pointer, _)| pointer.starts_with('/'))
        .with_context(|| {
            format!(
                "`{}` is no change; write /input/cents=900000",
                visible(text)
            )
        })?;
    let value = tollgate_policy::parse_exact(value).unwrap_or_else(|_| value.into());
    Ok((pointer.to_owned(), value))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::set;
    use serde_json::json;

    #[test]
    fn a_change_is_a_pointer_and_json_or_a_text() {
        let of = |text: &str| set(text).unwrap();
        assert_eq!(of("/input/cents=9"), ("/input/cents".into(), json!(9)));
        assert_eq!(of("/input/to=a=b"), ("/input/to".into(), json!("a=b")));
        assert_eq!(of("/input/to=\"7\""), ("/input/to".into(), json!("7")));
        for bad in ["/input/cents", "input=7", "=7"] {
            assert!(set(bad).is_err(), "{bad}");
        }
    }
}
