//! The words of a statement, cleaned, numbered, and written anew.
//!
//! The parser reads these tokens and the database gets them, so the two cannot
//! disagree on where a string, a comment or a name ends.

use sqlparser::{
    dialect::{Dialect as ParserDialect, PostgreSqlDialect, SQLiteDialect},
    keywords::Keyword,
    tokenizer::{Token, Tokenizer, Whitespace, Word},
};

use super::{Capture, Dialect, SqlRefusal};
use crate::visible;

/// The longest statement, in bytes. A connector's statements have some hundred;
/// an insert of a thousand rows by parameters still fits.
pub const STATEMENT_BYTES_MAX: usize = 64 << 10;

/// The most tokens of a statement: an insert of 1000 rows with nine parameters.
const TOKENS_MAX: usize = 20_000;

/// The most names, keywords and operators of a statement. They decide how deep
/// its tree can get, and each level takes stack to walk and to drop.
const OPERATORS_MAX: usize = 2_000;

/// The highest parameter number: what SQLite took before 3.32, and takes
/// everywhere.
const PARAMETERS_MAX: usize = 999;

/// PostgreSQL cuts a longer name off without a word, bytes (NAMEDATALEN - 1): two
/// names that differ here would be one there.
const POSTGRES_NAME_BYTES_MAX: usize = 63;

/// How values are passed. PostgreSQL has operators that are written `?`.
const fn as_parameters(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "pass values as parameters `?`",
        Dialect::Postgres => "pass values as parameters `$1`, `$2`",
    }
}

/// A statement as tokens.
pub(super) struct Tokens {
    pub(super) dialect: Dialect,
    pub(super) all: Vec<Token>,
    pub(super) parameters: usize,
}

pub(super) fn parser_dialect(dialect: Dialect) -> &'static dyn ParserDialect {
    match dialect {
        Dialect::Sqlite => &SQLiteDialect {},
        Dialect::Postgres => &PostgreSqlDialect {},
    }
}

impl Tokens {
    pub(super) fn read(text: &str, dialect: Dialect) -> Result<Self, SqlRefusal> {
        if text.len() > STATEMENT_BYTES_MAX {
            return Err(SqlRefusal::TooLarge {
                what: "more than 64 KiB",
            });
        }
        // A NUL ends the text for SQLite and not for us (CWE-158).
        if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(SqlRefusal::unsupported(
                "a control character",
                as_parameters(dialect),
            ));
        }
        let found = Tokenizer::new(parser_dialect(dialect), text).tokenize();
        let found = found.map_err(|error| SqlRefusal::Unreadable {
            reason: visible(&error.to_string()),
        })?;
        let mut tokens = Self {
            dialect,
            all: Vec::with_capacity(found.len()),
            parameters: 0,
        };
        let mut numbering = Numbering::of(dialect);
        for token in found {
            if let Some(token) = clean(token, dialect, &mut numbering)? {
                tokens.all.push(token);
            }
        }
        tokens.parameters = numbering.highest;
        tokens.end()?;
        tokens.bound()?;
        Ok(tokens)
    }

    /// One semicolon may end the statement, and none may stand within it.
    fn end(&mut self) -> Result<(), SqlRefusal> {
        if self.all.last() == Some(&Token::SemiColon) {
            self.all.pop();
        }
        if self.all.contains(&Token::SemiColon) {
            return Err(SqlRefusal::NotOne { found: "several" });
        }
        if self.all.is_empty() {
            return Err(SqlRefusal::NotOne { found: "none" });
        }
        Ok(())
    }

    fn bound(&self) -> Result<(), SqlRefusal> {
        if self.all.len() > TOKENS_MAX {
            return Err(SqlRefusal::TooLarge {
                what: "more than 20000 tokens",
            });
        }
        let flat = |token: &&Token| {
            !matches!(
                token,
                Token::Comma
                    | Token::LParen
                    | Token::RParen
                    | Token::Placeholder(_)
                    | Token::Number(..)
                    | Token::SingleQuotedString(_)
            )
        };
        if self.all.iter().filter(flat).count() > OPERATORS_MAX {
            return Err(SqlRefusal::TooLarge {
                what: "more than 2000 names and operators",
            });
        }
        Ok(())
    }

    /// The text to run.
    pub(super) fn text(&self) -> String {
        write(&self.all)
    }

    /// The query for the rows that an `UPDATE` or `DELETE` of this table touches.
    /// Subqueries and clauses after the condition are refused before, so what
    /// follows the only `WHERE` is the condition.
    pub(super) fn capture(&self, table: &str) -> Result<Capture, SqlRefusal> {
        let is_where =
            |token: &Token| matches!(token, Token::Word(word) if word.keyword == Keyword::WHERE);
        let mut places = self
            .all
            .iter()
            .enumerate()
            .filter(|(_, token)| is_where(token));
        let (Some((at, _)), None) = (places.next(), places.next()) else {
            return Err(SqlRefusal::unsupported(
                "a change without exactly one WHERE",
                "write one WHERE",
            ));
        };
        let mut condition = self.all[at + 1..].to_vec();
        let parameter_indexes = self.renumber(&mut condition)?;
        let condition = write(&condition);
        let select = match self.dialect {
            Dialect::Sqlite => format!("SELECT rowid, * FROM `{table}` WHERE {condition}"),
            Dialect::Postgres => format!("SELECT * FROM \"{table}\" WHERE {condition}"),
        };
        Ok(Capture {
            select,
            condition,
            parameter_indexes,
        })
    }

    /// The text with each parameter, counted from 1, written in another way.
    pub(super) fn text_with(&self, parameter: impl Fn(usize) -> String) -> String {
        let mut text = String::new();
        for token in &self.all {
            match token {
                Token::Placeholder(number) => {
                    let number = number[1..]
                        .parse()
                        .map_or_else(|_| number.clone(), &parameter);
                    push(&mut text, &number);
                }
                token => push(&mut text, &write(std::slice::from_ref(token))),
            }
        }
        text
    }

    /// Numbers parameters from 1 in the order they appear, and tells which ones
    /// they were.
    fn renumber(&self, condition: &mut [Token]) -> Result<Vec<usize>, SqlRefusal> {
        let mut indexes: Vec<usize> = Vec::new();
        for token in condition {
            let Token::Placeholder(text) = token else {
                continue;
            };
            let number: usize = text[1..]
                .parse()
                .map_err(|_| bad_parameter(text, self.dialect))?;
            let place = indexes
                .iter()
                .position(|index| index + 1 == number)
                .unwrap_or_else(|| {
                    indexes.push(number - 1);
                    indexes.len() - 1
                });
            *token = placeholder(self.dialect, place + 1);
        }
        Ok(indexes)
    }
}

/// Parameters are numbered here, in the order of the text, because a database
/// and a parser may meet them in another order.
struct Numbering {
    dialect: Dialect,
    highest: usize,
    by_order: bool,
    by_number: bool,
}

impl Numbering {
    fn of(dialect: Dialect) -> Self {
        Self {
            dialect,
            highest: 0,
            by_order: false,
            by_number: false,
        }
    }

    fn number(&mut self, text: &str) -> Result<usize, SqlRefusal> {
        let bad = || bad_parameter(text, self.dialect);
        let digits = match self.dialect {
            Dialect::Sqlite => text.strip_prefix(['?', '$']),
            Dialect::Postgres => text.strip_prefix('$'),
        };
        let digits = digits.ok_or_else(bad)?;
        let number = if digits.is_empty() && text == "?" {
            self.by_order = true;
            self.highest + 1
        } else {
            self.by_number = true;
            let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
            digits.parse().ok().filter(|_| plain).ok_or_else(bad)?
        };
        if self.by_order && self.by_number {
            return Err(SqlRefusal::unsupported(
                "a mix of `?` and numbered parameters",
                "write all of them as `?`, or all as `?1`, `?2`",
            ));
        }
        if number > PARAMETERS_MAX {
            return Err(SqlRefusal::TooLarge {
                what: "a parameter number above 999",
            });
        }
        self.highest = self.highest.max(number);
        Ok(number)
    }
}

fn bad_parameter(text: &str, dialect: Dialect) -> SqlRefusal {
    SqlRefusal::unsupported(
        format!("the parameter `{}`", visible(text)),
        match dialect {
            Dialect::Sqlite => "write parameters as `?`, or as `?1`, `?2`",
            Dialect::Postgres => "write parameters as `$1`, `$2`",
        },
    )
}

fn placeholder(dialect: Dialect, number: usize) -> Token {
    match dialect {
        Dialect::Sqlite => Token::Placeholder(format!("?{number}")),
        Dialect::Postgres => Token::Placeholder(format!("${number}")),
    }
}

/// The token if it is one that is known to be harmless; nothing for space.
fn clean(
    token: Token,
    dialect: Dialect,
    numbering: &mut Numbering,
) -> Result<Option<Token>, SqlRefusal> {
    Ok(Some(match token {
        Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab) => {
            return Ok(None);
        }
        // A comment may end in one reader and go on in another (nested ones do).
        Token::Whitespace(_) => {
            return Err(SqlRefusal::unsupported("a comment", "leave comments out"));
        }
        Token::Word(word) => Token::Word(clean_word(word, dialect)?),
        Token::Number(digits, false)
            if digits
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) =>
        {
            Token::Number(digits, false)
        }
        // Old settings of PostgreSQL let a backslash escape the closing quote.
        Token::SingleQuotedString(text) if dialect == Dialect::Sqlite || !text.contains('\\') => {
            Token::SingleQuotedString(text)
        }
        Token::Placeholder(text) => placeholder(dialect, numbering.number(&text)?),
        Token::Comma
        | Token::Eq
        | Token::DoubleEq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq
        | Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::SemiColon => token,
        // Which types may follow is judged in the tree.
        Token::DoubleColon if dialect == Dialect::Postgres => token,
        other => {
            let shown: String = visible(&other.to_string()).chars().take(40).collect();
            return Err(SqlRefusal::unsupported(
                format!("`{shown}`"),
                as_parameters(dialect),
            ));
        }
    }))
}

/// A quoted name is written with backticks for SQLite: one in double quotes
/// that is no column would silently become a string there.
fn clean_word(word: Word, dialect: Dialect) -> Result<Word, SqlRefusal> {
    if dialect == Dialect::Postgres && word.value.len() > POSTGRES_NAME_BYTES_MAX {
        return Err(odd_name(&word.value));
    }
    let Some(_) = word.quote_style else {
        let plain = word
            .value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        return if plain {
            Ok(word)
        } else {
            Err(odd_name(&word.value))
        };
    };
    let odd = |c: char| matches!(c, '"' | '`' | '\'' | '[' | ']') || c.is_control();
    if word.value.is_empty() || word.value.len() > 128 || word.value.contains(odd) {
        return Err(odd_name(&word.value));
    }
    let quote = if dialect == Dialect::Sqlite { '`' } else { '"' };
    Ok(Word {
        value: word.value,
        quote_style: Some(quote),
        keyword: Keyword::NoKeyword,
    })
}

fn odd_name(name: &str) -> SqlRefusal {
    let shown: String = visible(name).chars().take(40).collect();
    SqlRefusal::unsupported(
        format!("the name `{shown}`"),
        "use names of letters, digits and `_`, and put others in double quotes",
    )
}

fn write(tokens: &[Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        match token {
            Token::SingleQuotedString(string) => {
                push(&mut text, &format!("'{}'", string.replace('\'', "''")));
            }
            Token::Word(Word {
                value,
                quote_style: Some(quote),
                ..
            }) => push(&mut text, &format!("{quote}{value}{quote}")),
            plain => push(&mut text, &plain.to_string()),
        }
    }
    text
}

fn push(text: &mut String, word: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(word);
}
