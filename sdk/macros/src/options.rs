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
}

/// The pairs as written, before they are judged together.
#[derive(Default)]
struct Pairs {
    name: Option<LitStr>,
    title: Option<LitStr>,
    effect: Option<LitStr>,
    undo: Option<LitStr>,
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
        let place = match key.to_string().as_str() {
            "name" => &mut self.name,
            "title" => &mut self.title,
            "effect" => &mut self.effect,
            "undo" => &mut self.undo,
            other => {
                let message =
                    format!("there is no option `{other}`; use name, title, effect, undo");
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
        let undo = undo(self.undo.as_ref())?;
        check_way_back(effect, &undo, self.undo.or(self.effect))?;
        Ok(Options {
            name: self.name,
            title: self.title,
            effect,
            undo,
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

fn undo(text: Option<&LitStr>) -> Result<Undo> {
    match text {
        None => Ok(Undo::None),
        Some(text) if text.value() == "restore" => Ok(Undo::Restore),
        Some(text) => Ok(Undo::Inverse(text.parse()?)),
    }
}

fn check_way_back(effect: Effect, undo: &Undo, at: Option<LitStr>) -> Result<()> {
    let message = match (effect, undo) {
        (Effect::Write, Undo::None) => {
            "a write says how it is taken back: undo = \"restore\", or the name of the tool that \
             takes it back; where there is no way back, effect is \"irreversible\""
        }
        (Effect::Read, Undo::Inverse(_) | Undo::Restore) => {
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
