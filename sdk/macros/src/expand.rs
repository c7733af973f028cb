//! What `#[tool]` leaves behind: the function untouched, and beside it a type
//! of the same name (functions and types have separate name spaces) that
//! implements `tollgate_sdk::Tool`. So `connector!(greet)` needs no registry and
//! an inverse tool is checked by the compiler: it must exist, and take the very
//! input that the write returned.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, Ident, ItemFn, Lit, Meta, Result, ReturnType, Type,
};

use crate::options::{Effect, Options, Terms, Undo, check_name};

/// Expands one attribute.
pub(crate) fn tool(options: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let options: Options = syn::parse2(options)?;
    let function: ItemFn = syn::parse2(function)?;
    let signature = Signature::read(&function)?;
    let beside = implementation(&options, &function, &signature)?;
    Ok(quote! { #function #beside })
}

/// The function's parameters and result.
struct Signature<'a> {
    takes_context: bool,
    input: Option<&'a Type>,
    result: &'a Type,
}

impl<'a> Signature<'a> {
    fn read(function: &'a ItemFn) -> Result<Self> {
        let (takes_context, input) = parameters(function)?;
        Ok(Self {
            takes_context,
            input,
            result: result(function)?,
        })
    }
}

fn parameters(function: &ItemFn) -> Result<(bool, Option<&Type>)> {
    let generics = &function.sig.generics;
    if !generics.params.is_empty() || function.sig.asyncness.is_some() {
        let message = "a tool is an ordinary function, neither generic nor async";
        return Err(Error::new_spanned(&function.sig, message));
    }
    let mut types = Vec::new();
    for argument in &function.sig.inputs {
        match argument {
            FnArg::Typed(typed) => types.push(&*typed.ty),
            FnArg::Receiver(_) => {
                return Err(Error::new_spanned(argument, "a tool is a free function"));
            }
        }
    }
    match types.as_slice() {
        [] => Ok((false, None)),
        [Type::Reference(_)] => Ok((true, None)),
        [input] => Ok((false, Some(input))),
        [Type::Reference(_), input] => Ok((true, Some(input))),
        _ => {
            let message = "a tool takes (input), (context: &Context, input), or less";
            Err(Error::new_spanned(&function.sig.inputs, message))
        }
    }
}

fn result(function: &ItemFn) -> Result<&Type> {
    match &function.sig.output {
        ReturnType::Type(_, result) => Ok(result),
        ReturnType::Default => {
            let message = "a tool returns Result<Output, ToolError>";
            Err(Error::new_spanned(&function.sig, message))
        }
    }
}

fn implementation(
    options: &Options,
    function: &ItemFn,
    signature: &Signature<'_>,
) -> Result<TokenStream> {
    let ident = &function.sig.ident;
    let visibility = &function.vis;
    let name = name(options, function)?;
    let title = options
        .title
        .as_ref()
        .map_or_else(|| title_of(&name), syn::LitStr::value);
    let description = description(function)?;
    let effect = effect(options.effect);
    let input = input_type(signature);
    let result = signature.result;
    let (undo, output, outcome) = way_back(&options.undo, result);
    let terms = terms(&options.terms);
    let call = call(function, signature);
    let expectation = expectation(ident);
    Ok(quote! {
        #[doc(hidden)]
        #expectation
        #visibility struct #ident {}

        impl ::tollgate_sdk::Tool for #ident {
            const NAME: &'static str = #name;
            type Input = #input;
            type Output = #output;

            fn describe() -> ::tollgate_sdk::Description {
                ::tollgate_sdk::Description {
                    title: #title,
                    text: #description,
                    effect: #effect,
                    undo: #undo,
                    terms: #terms,
                }
            }

            fn call(
                context: &::tollgate_sdk::Context,
                input: Self::Input,
            ) -> ::core::result::Result<::tollgate_sdk::Outcome, ::tollgate_sdk::ToolError> {
                let _ = (&context, &input);
                #outcome(#call)
            }
        }
    })
}

/// That the type's name is not written like a type's: it is the function's. Only
/// where the compiler surely finds fault with it, which is at a lower-case first
/// letter; an expectation that is not met would warn the author.
fn expectation(ident: &Ident) -> Option<TokenStream> {
    let name = ident.unraw().to_string();
    let first = name.trim_matches('_').chars().next()?;
    first.is_lowercase().then(|| {
        quote! {
            #[expect(
                non_camel_case_types,
                reason = "the type stands beside the function of this name"
            )]
        }
    })
}

fn name(options: &Options, function: &ItemFn) -> Result<String> {
    if let Some(name) = &options.name {
        return Ok(name.value());
    }
    let name = function.sig.ident.to_string();
    check_name(&name, function.sig.ident.span())?;
    Ok(name)
}

fn title_of(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.trim().chars();
    letters.next().map_or(words.clone(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn description(function: &ItemFn) -> Result<String> {
    let lines: Vec<String> = function.attrs.iter().filter_map(doc_line).collect();
    let text = lines.join("\n").trim().to_owned();
    if text.is_empty() {
        let message = "describe the tool in a doc comment: what it does, when to use it, what its \
                       errors mean; it is all that a caller sees";
        return Err(Error::new_spanned(&function.sig.ident, message));
    }
    Ok(text)
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = &pair.value
    else {
        return None;
    };
    let line = text.value();
    pair.path.is_ident("doc").then(|| {
        line.strip_prefix(' ')
            .unwrap_or(&line)
            .trim_end()
            .to_owned()
    })
}

fn effect(effect: Effect) -> TokenStream {
    match effect {
        Effect::Read => quote!(::tollgate_sdk::Effect::Read),
        Effect::Write => quote!(::tollgate_sdk::Effect::Write),
        Effect::Irreversible => quote!(::tollgate_sdk::Effect::Irreversible),
    }
}

fn input_type(signature: &Signature<'_>) -> TokenStream {
    signature
        .input
        .map_or_else(|| quote!(::tollgate_sdk::NoInput), |input| quote!(#input))
}

/// The declared way back, the output type, and the function that makes an
/// outcome of the tool's result.
fn way_back(undo: &Undo, result: &Type) -> (TokenStream, TokenStream, TokenStream) {
    let ok = quote!(<#result as ::tollgate_sdk::__macro::Returned>::Ok);
    match undo {
        Undo::None => {
            let declared = quote!(::tollgate_sdk::Undo::None);
            (declared, ok, quote!(::tollgate_sdk::__macro::plain))
        }
        Undo::Restore => {
            let declared = quote!(::tollgate_sdk::Undo::Restore);
            (declared, ok, quote!(::tollgate_sdk::__macro::plain))
        }
        Undo::Inverse(tool) | Undo::Compensate(tool) => {
            let name = quote!(<#tool as ::tollgate_sdk::Tool>::NAME);
            let declared = match undo {
                Undo::Compensate(_) => {
                    quote!(::tollgate_sdk::Undo::Compensate(#name.into()))
                }
                _ => quote!(::tollgate_sdk::Undo::Inverse(#name.into())),
            };
            let output = quote!(<#ok as ::tollgate_sdk::__macro::TakenBack>::Output);
            (
                declared,
                output,
                quote!(::tollgate_sdk::__macro::undoable::<#tool, _, _>),
            )
        }
    }
}

/// The declared terms of the way back.
fn terms(terms: &Terms) -> TokenStream {
    let window = match terms.window {
        Some(seconds) => quote!(::core::option::Option::Some(#seconds)),
        None => quote!(::core::option::Option::None),
    };
    let precondition = match &terms.precondition {
        Some(words) => quote!(::core::option::Option::Some(#words.into())),
        None => quote!(::core::option::Option::None),
    };
    let undo_only = terms.undo_only;
    quote!(::tollgate_sdk::UndoTerms {
        window: #window,
        precondition: #precondition,
        undo_only: #undo_only,
    })
}

fn call(function: &ItemFn, signature: &Signature<'_>) -> TokenStream {
    let ident = &function.sig.ident;
    match (signature.takes_context, signature.input.is_some()) {
        (false, false) => quote!(#ident()),
        (true, false) => quote!(#ident(context)),
        (false, true) => quote!(#ident(input)),
        (true, true) => quote!(#ident(context, input)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    fn refusal(function: TokenStream) -> String {
        tool(quote!(effect = "read"), function)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_tool_without_words_is_refused() {
        assert!(refusal(quote! { fn a() -> Result<A, B> {} }).contains("doc comment"));
    }

    #[test]
    fn a_tool_returns_something() {
        assert!(refusal(quote! { #[doc = " x"] fn a() {} }).contains("returns Result"));
    }

    #[test]
    fn parameters_are_a_context_and_an_input_at_most() {
        let long = quote! { #[doc = " x"] fn a(b: B, c: C) -> R {} };
        assert!(refusal(long).contains("(context: &Context, input)"));
        let generic = quote! { #[doc = " x"] fn a<T>(b: T) -> R {} };
        assert!(refusal(generic).contains("neither generic nor async"));
    }

    #[test]
    fn nothing_is_allowed_in_the_name_of_an_author() {
        let ordinary = quote! { #[doc = " x"] fn greet() -> Result<A, B> {} };
        let expanded = tool(quote!(effect = "read"), ordinary).unwrap();
        let expanded = expanded.to_string();
        assert!(!expanded.contains("allow"), "{expanded}");
        assert!(
            expanded.contains("expect (non_camel_case_types"),
            "{expanded}"
        );
        let like_a_type = quote! { #[doc = " x"] fn Greet() -> Result<A, B> {} };
        let expanded = tool(quote!(effect = "read", name = "greet"), like_a_type).unwrap();
        let expanded = expanded.to_string();
        assert!(!expanded.contains("camel_case"), "{expanded}");
    }

    #[test]
    fn a_title_is_made_of_the_name() {
        assert_eq!(title_of("append_row"), "Append row");
    }

    #[test]
    fn doc_lines_are_joined_as_written() {
        let function: ItemFn = syn::parse2(quote! {
            #[doc = " First."]
            #[doc = ""]
            #[doc = "   indented"]
            fn a() {}
        })
        .unwrap();
        assert_eq!(description(&function).unwrap(), "First.\n\n  indented");
    }
}
