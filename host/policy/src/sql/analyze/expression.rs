//! Expressions. What is not listed here is refused.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DateTimeField, DuplicateTreatment, Expr,
    Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, UnaryOperator, Value,
};

use super::{Analysis, absent, query::Place, types};
use crate::{
    sql::{Dialect, SqlRefusal, functions::is_total_function, scope::Scope},
    visible,
};

/// How deep an expression is walked. Chains of operators do not count: they
/// are walked along, not down.
const EXPRESSION_DEPTH_MAX: usize = 200;

const WRITE_PLAIN: &str =
    "write it with comparisons, AND, OR, IN, LIKE, BETWEEN and granted functions";

impl Analysis {
    pub(super) fn optional(
        &mut self,
        expr: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Result<(), SqlRefusal> {
        expr.map_or(Ok(()), |expr| self.expression(expr, scope))
    }

    pub(super) fn expressions<'e>(
        &mut self,
        list: impl IntoIterator<Item = &'e Expr>,
        scope: &Scope<'_>,
    ) -> Result<(), SqlRefusal> {
        list.into_iter()
            .try_for_each(|expr| self.expression(expr, scope))
    }

    pub(super) fn expression(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<(), SqlRefusal> {
        if self.depth >= EXPRESSION_DEPTH_MAX {
            return Err(SqlRefusal::TooLarge {
                what: "an expression nested over 200 levels",
            });
        }
        self.depth += 1;
        // `a AND b AND c …` leans to the left.
        let mut spine = expr;
        while let Expr::BinaryOp { left, op, right } = spine {
            self.operator(op)?;
            self.expression(right, scope)?;
            spine = left;
        }
        self.operand(spine, scope)?;
        self.depth -= 1;
        Ok(())
    }

    fn operand(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<(), SqlRefusal> {
        match expr {
            Expr::Identifier(ident) => self.column(ident, scope),
            Expr::CompoundIdentifier(parts) => self.qualified_column(parts, scope),
            Expr::Value(value) => literal(&value.value),
            Expr::Nested(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner) => self.expression(inner, scope),
            Expr::UnaryOp {
                op: op @ (UnaryOperator::Not | UnaryOperator::Minus | UnaryOperator::Plus),
                expr,
            } => {
                self.fallible |= *op != UnaryOperator::Not;
                self.expression(expr, scope)
            }
            Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => {
                self.expressions([a.as_ref(), b], scope)
            }
            Expr::InList {
                expr,
                list,
                negated: _,
            } => {
                self.expression(expr, scope)?;
                self.expressions(list, scope)
            }
            Expr::Between {
                expr,
                negated: _,
                low,
                high,
            } => self.expressions([expr.as_ref(), low, high], scope),
            Expr::Like {
                negated: _,
                any: false,
                expr,
                pattern,
                escape_char,
            } => {
                // A pattern that ends with its escape character is an error.
                self.fallible = true;
                self.expressions([expr.as_ref(), pattern], scope)?;
                self.optional(escape_char.as_deref(), scope)
            }
            Expr::InSubquery {
                expr,
                subquery,
                negated: _,
            } => {
                self.expression(expr, scope)?;
                self.query(subquery, Some(scope), Place::Value).map(drop)
            }
            Expr::Exists {
                subquery,
                negated: _,
            } => self.query(subquery, Some(scope), Place::Value).map(drop),
            Expr::Subquery(subquery) => {
                // More than one row is an error.
                self.fallible = true;
                self.query(subquery, Some(scope), Place::Value).map(drop)
            }
            Expr::Case {
                case_token: _,
                end_token: _,
                operand,
                conditions,
                else_result,
            } => {
                self.optional(operand.as_deref(), scope)?;
                for CaseWhen { condition, result } in conditions {
                    self.expressions([condition, result], scope)?;
                }
                self.optional(else_result.as_deref(), scope)
            }
            Expr::Cast {
                kind,
                expr,
                data_type,
                format: None,
            } => {
                let postgres = self.dialect == Dialect::Postgres;
                let is_known =
                    *kind == CastKind::Cast || (postgres && *kind == CastKind::DoubleColon);
                absent(
                    is_known && types::is_plain(data_type, self.dialect),
                    "a CAST to this type",
                    types::instead(self.dialect),
                )?;
                self.fallible = true;
                self.expression(expr, scope)
            }
            Expr::Collate { expr, collation } => {
                self.collation(collation)?;
                self.expression(expr, scope)
            }
            Expr::Function(function) => self.function(function, scope),
            // The parser knows some functions by name.
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                special: true,
                shorthand,
            } => {
                self.call(if *shorthand { "substr" } else { "substring" });
                self.expression(expr, scope)?;
                self.optional(substring_from.as_deref(), scope)?;
                self.optional(substring_for.as_deref(), scope)
            }
            Expr::Ceil {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => {
                self.call("ceil");
                self.expression(expr, scope)
            }
            Expr::Floor {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => {
                self.call("floor");
                self.expression(expr, scope)
            }
            Expr::Trim {
                trim_where: None,
                trim_what: None,
                expr,
                trim_characters,
            } => {
                self.call("trim");
                self.expression(expr, scope)?;
                self.expressions(trim_characters.iter().flatten(), scope)
            }
            other => {
                let shown: String = visible(&other.to_string()).chars().take(60).collect();
                Err(SqlRefusal::unsupported(format!("`{shown}`"), WRITE_PLAIN))
            }
        }
    }

    fn column(&mut self, ident: &Ident, scope: &Scope<'_>) -> Result<(), SqlRefusal> {
        let column = self.name(ident)?;
        // `SELECT t FROM t` is the whole row on PostgreSQL, in any expression.
        absent(
            self.dialect != Dialect::Postgres || !scope.has_relation(&column),
            "a table's name as a value",
            "name the columns",
        )?;
        scope.bare(&column, &mut self.reads)
    }

    fn qualified_column(&mut self, parts: &[Ident], scope: &Scope<'_>) -> Result<(), SqlRefusal> {
        let [table, column] = parts else {
            return Err(SqlRefusal::unsupported(
                "a name with more than two parts",
                "write table.column",
            ));
        };
        let (table, column) = (self.name(table)?, self.name(column)?);
        scope.qualified(&table, &column, &mut self.reads)
    }

    /// `GLOB`, `MATCH`, `REGEXP`, `->` and their like call functions that an
    /// application can define. `LIKE` calls one too, which the runtime leaves as
    /// it is.
    fn operator(&mut self, op: &BinaryOperator) -> Result<(), SqlRefusal> {
        use BinaryOperator as B;
        // Overflow, division by zero, a result that is too long.
        self.fallible |= matches!(
            op,
            B::Plus | B::Minus | B::Multiply | B::Divide | B::Modulo | B::StringConcat
        );
        let plain = matches!(
            op,
            B::Plus
                | B::Minus
                | B::Multiply
                | B::Divide
                | B::Modulo
                | B::StringConcat
                | B::Gt
                | B::Lt
                | B::GtEq
                | B::LtEq
                | B::Eq
                | B::NotEq
                | B::And
                | B::Or
        );
        absent(plain, "this operator", WRITE_PLAIN)
    }

    /// Other collations are functions that an application can define.
    fn collation(&self, name: &ObjectName) -> Result<(), SqlRefusal> {
        let name = name.to_string().to_ascii_lowercase();
        let plain = self.dialect == Dialect::Sqlite
            && ["nocase", "binary", "rtrim"].contains(&name.trim_matches('`'));
        absent(plain, "this collation", "use NOCASE, BINARY or RTRIM")
    }

    fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Result<(), SqlRefusal> {
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group,
            filter,
            null_treatment,
            over,
        } = function;
        absent(
            over.is_none(),
            "a window function",
            "sort and count in the connector",
        )?;
        absent(filter.is_none(), "FILTER", "write CASE inside the function")?;
        let plain = !uses_odbc_syntax
            && *parameters == FunctionArguments::None
            && within_group.is_empty()
            && null_treatment.is_none();
        absent(plain, "an option of a function", "leave it out")?;
        let name = self.function_name(name)?;
        match args {
            FunctionArguments::None if name.starts_with("current_") => {}
            FunctionArguments::List(list) => self.arguments(&name, list, scope)?,
            _ => {
                return Err(SqlRefusal::unsupported(
                    "these arguments of a function",
                    "write them as a plain list",
                ));
            }
        }
        self.call(&name);
        Ok(())
    }

    fn function_name(&self, name: &ObjectName) -> Result<String, SqlRefusal> {
        match name.0.as_slice() {
            [part] => match part.as_ident() {
                Some(Ident {
                    value,
                    quote_style: None,
                    span: _,
                }) => Ok(value.to_ascii_lowercase()),
                _ => Err(SqlRefusal::unsupported(
                    "a quoted function name",
                    "write it without quotes",
                )),
            },
            _ => Err(SqlRefusal::unsupported(
                "a function with a schema before it",
                "write its name alone",
            )),
        }
    }

    fn arguments(
        &mut self,
        name: &str,
        list: &FunctionArgumentList,
        scope: &Scope<'_>,
    ) -> Result<(), SqlRefusal> {
        let FunctionArgumentList {
            duplicate_treatment,
            args,
            clauses,
        } = list;
        absent(
            clauses.is_empty(),
            "a clause within a function",
            "leave it out",
        )?;
        absent(
            matches!(
                duplicate_treatment,
                None | Some(DuplicateTreatment::Distinct | DuplicateTreatment::All)
            ),
            "this option of a function",
            "leave it out",
        )?;
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                    self.expression(expr, scope)?
                }
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard)
                    if name == "count" && args.len() == 1 => {}
                _ => {
                    return Err(SqlRefusal::unsupported(
                        "this argument of a function",
                        "write plain expressions",
                    ));
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, function: &str) {
        self.fallible |= !is_total_function(function);
        self.functions.insert(function.to_owned());
    }
}

fn literal(value: &Value) -> Result<(), SqlRefusal> {
    let plain = matches!(
        value,
        Value::Number(_, false)
            | Value::SingleQuotedString(_)
            | Value::Boolean(_)
            | Value::Null
            | Value::Placeholder(_)
    );
    absent(
        plain,
        "this kind of literal",
        "pass the value as a parameter",
    )
}
