//! What stands inside `#[tool(...)]`.
//!
//! Everything that can be judged from the attribute alone is judged here, at
//! compile time and at the author's own line, so that `tollgate install` never
//! has to refuse it later. A write without a way back is refused on purpose:
//! the host would treat it as irreversible and hold every call, which the
//! author should have said.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Path, Result, Token};

/// The longest tool name of the contract (`wit/tools.wit`).
const NAME_MAX_BYTES: usize = 64;

/// The attribute, read.
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) effect: Effect,
    pub(crate) undo: Undo,
    pub(crate) terms: Terms,
}

/// The class of effect that the author claims.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Effect {
    Read,
    Write,
    Irreversible,
}

/// The way back.
pub(crate) enum Undo {
    None,
    Inverse(Path),
    Restore,
    Compensate(Path),
}

/// On what terms.
#[derive(Default)]
pub(crate) struct Terms {
    /// Seconds.
    pub(crate) window: Option<u64>,
    pub(crate) precondition: Option<LitStr>,
    pub(crate) undo_only: bool,
}

/// The pairs as written, before they are judged together.
#[derive(Default)]
struct Pairs {
    name: Option<LitStr>,
    title: Option<LitStr>,
    effect: Option<LitStr>,
    undo: Option<LitStr>,
    compensate: Option<LitStr>,
    window: Option<LitStr>,
    precondition: Option<LitStr>,
    undo_only: bool,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut pairs = Pairs::default();
        while !input.is_empty() {
            pairs.read(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        pairs.judge()
    }
}

impl Pairs {
    fn read(&mut self, input: ParseStream<'_>) -> Result<()> {
        let key: Ident = input.parse()?;
        if key == "undo_only" {
            self.undo_only = true;
            return Ok(());
        }
        let place = match key.to_string().as_str() {
            "name" => &mut self.name,
            "title" => &mut self.title,
            "effect" => &mut self.effect,
            "undo" => &mut self.undo,
            "compensate" => &mut self.compensate,
            "window" => &mut self.window,
            "precondition" => &mut self.precondition,
            other => {
                let message = format!(
                    "there is no option `{other}`; use name, title, effect, undo, compensate, \
                     window, precondition, undo_only"
                );
                return Err(Error::new(key.span(), message));
            }
        };
        if place.is_some() {
            return Err(Error::new(key.span(), format!("`{key}` is given twice")));
        }
        input.parse::<Token![=]>()?;
        *place = Some(input.parse()?);
        Ok(())
    }

    fn judge(self) -> Result<Options> {
        if let Some(name) = &self.name {
            check_name(&name.value(), name.span())?;
        }
        let effect = effect(self.effect.as_ref())?;
        let undo = way_back(self.undo.as_ref(), self.compensate.as_ref())?;
        if matches!(undo, Undo::None)
            && let Some(words) = self.window.as_ref().or(self.precondition.as_ref())
        {
            let message = "`window` and `precondition` speak of the way back, and there is none";
            return Err(Error::new(words.span(), message));
        }
        let terms = Terms {
            window: self.window.as_ref().map(seconds).transpose()?,
            precondition: self.precondition,
            undo_only: self.undo_only,
        };
        let at = self.compensate.or(self.undo).or(self.effect);
        check_way_back(effect, &undo, at)?;
        Ok(Options {
            name: self.name,
            title: self.title,
            effect,
            undo,
            terms,
        })
    }
}

fn effect(text: Option<&LitStr>) -> Result<Effect> {
    let Some(text) = text else {
        let message =
            "say what a call does outside: effect = \"read\", \"write\" or \"irreversible\"";
        return Err(Error::new(Span::call_site(), message));
    };
    match text.value().as_str() {
        "read" => Ok(Effect::Read),
        "write" => Ok(Effect::Write),
        "irreversible" => Ok(Effect::Irreversible),
        _ => Err(Error::new(
            text.span(),
            "effect is \"read\", \"write\" or \"irreversible\"",
        )),
    }
}

fn way_back(undo: Option<&LitStr>, compensate: Option<&LitStr>) -> Result<Undo> {
    match (undo, compensate) {
        (None, None) => Ok(Undo::None),
        (Some(text), None) if text.value() == "restore" => Ok(Undo::Restore),
        (Some(text), None) => Ok(Undo::Inverse(text.parse()?)),
        (None, Some(text)) => Ok(Undo::Compensate(text.parse()?)),
        (Some(_), Some(text)) => Err(Error::new(
            text.span(),
            "a call has one way back: `undo` or `compensate`",
        )),
    }
}

/// A window such as `30d`, in seconds.
fn seconds(text: &LitStr) -> Result<u64> {
    let value = text.value();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0_u64,
    };
    let number = number.parse::<u64>().ok();
    number
        .and_then(|number| number.checked_mul(factor))
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| {
            Error::new(
                text.span(),
                "a window is a whole number and its unit, s, m, h or d: window = \"30d\"",
            )
        })
}

fn check_way_back(effect: Effect, undo: &Undo, at: Option<LitStr>) -> Result<()> {
    let message = match (effect, undo) {
        (Effect::Write, Undo::None) => {
            "a write says how it is taken back: undo = \"restore\", or the name of the tool that \
             takes it back; where there is no way back, effect is \"irreversible\""
        }
        (Effect::Write, Undo::Compensate(_)) => {
            "what is only compensated leaves a trace: effect is \"irreversible\""
        }
        (Effect::Read, Undo::Inverse(_) | Undo::Restore | Undo::Compensate(_)) => {
            "a read changes nothing, so it has nothing to undo"
        }
        _ => return Ok(()),
    };
    Err(Error::new(
        at.map_or_else(Span::call_site, |text| text.span()),
        message,
    ))
}

/// Refuses what the contract does not allow as a tool's name.
pub(crate) fn check_name(name: &str, at: Span) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=NAME_MAX_BYTES).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    let message = format!("a tool's name is 1 to {NAME_MAX_BYTES} of a-z 0-9 _, this is `{name}`");
    Err(Error::new(at, message))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    fn refusal(text: &str) -> String {
        syn::parse_str::<Options>(text).err().unwrap().to_string()
    }

    #[test]
    fn a_write_names_its_way_back() {
        assert!(refusal(r#"effect = "write""#).contains("taken back"));
        let options: Options = syn::parse_str(r#"effect = "write", undo = "remove_row""#).unwrap();
        assert!(matches!(options.undo, Undo::Inverse(_)));
        let options: Options = syn::parse_str(r#"effect = "write", undo = "restore","#).unwrap();
        assert!(matches!(options.undo, Undo::Restore));
        let options: Options = syn::parse_str(
            r#"effect = "irreversible", compensate = "credit_note", window = "30d", precondition = "the invoice is not paid", undo_only"#,
        )
        .unwrap();
        assert!(matches!(options.undo, Undo::Compensate(_)));
        assert_eq!(options.terms.window, Some(30 * 86_400));
        assert!(options.terms.undo_only && options.terms.precondition.is_some());
        for (text, words) in [
            (r#"effect = "write", compensate = "x""#, "leaves a trace"),
            (
                r#"effect = "irreversible", compensate = "x", undo = "y""#,
                "one way back",
            ),
            (
                r#"effect = "irreversible", window = "30d""#,
                "there is none",
            ),
            (
                r#"effect = "write", undo = "restore", window = "soon""#,
                "a window is",
            ),
            (
                r#"effect = "write", undo = "restore", window = "0d""#,
                "a window is",
            ),
        ] {
            assert!(refusal(text).contains(words), "{text}");
        }
    }

    #[test]
    fn a_read_has_nothing_to_undo() {
        assert!(refusal(r#"effect = "read", undo = "restore""#).contains("nothing to undo"));
    }

    #[test]
    fn an_irreversible_tool_needs_no_way_back() {
        assert!(syn::parse_str::<Options>(r#"effect = "irreversible""#).is_ok());
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refusal("").contains("say what a call does"));
        assert!(refusal(r#"effect = "delete""#).contains("irreversible"));
        assert!(refusal(r#"effekt = "read""#).contains("no option `effekt`"));
        assert!(refusal(r#"effect = "read", effect = "read""#).contains("twice"));
        assert!(refusal(r#"effect = "read", name = "Has Space""#).contains("a-z 0-9 _"));
    }
}
