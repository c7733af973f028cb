//! Do the comparisons of one field fit what its schemas say of it?

use super::{Subjects, union};
use crate::{
    FieldPath, Predicate, Scalar,
    manifest::{error::Faults, keys::did_you_mean},
    rules::{
        Kinds, Root,
        shape::{Shape, find},
    },
    visible,
};

/// What is compared.
pub(super) struct Subject<'a> {
    pub(super) of: &'a Subjects<'a>,
    /// The field, as messages name it.
    pub(super) field: &'a FieldPath,
    /// The names that the schemas have it under.
    pub(super) path: &'a [&'a str],
    /// Those of the item of the innermost `each`.
    pub(super) item: &'a [&'a str],
    /// Where the condition stands.
    pub(super) at: usize,
}

impl Subject<'_> {
    pub(super) fn group(
        &self,
        predicates: &[Predicate],
        shapes: &[Shape<'_>],
        faults: &mut Faults<'_>,
    ) {
        let kinds = union(shapes);
        for predicate in predicates {
            if kinds.and(reads(predicate)) == Kinds::NONE {
                self.unreadable(kinds, predicate, faults);
                continue;
            }
            match predicate {
                Predicate::Not(group) => self.group(group, shapes, faults),
                Predicate::Any(groups) => {
                    for group in groups {
                        self.group(group, shapes, faults);
                    }
                }
                Predicate::Each(group) => self.each(group, faults),
                Predicate::Item(field, group) => self.item(field, group, faults),
                // Names are texts, whatever the members are.
                Predicate::Keys(group) => {
                    self.group(group, &[Shape::Known(Kinds::TEXT, None)], faults);
                }
                Predicate::SameAs(other) => self.same_as(kinds, other, faults),
                Predicate::Equal(scalar) | Predicate::NotEqual(scalar) => {
                    listed(scalar, shapes, (self.field, self.at), faults);
                }
                Predicate::In(scalars) | Predicate::NotIn(scalars) => {
                    for scalar in scalars {
                        listed(scalar, shapes, (self.field, self.at), faults);
                    }
                }
                _ => {}
            }
        }
    }

    fn unreadable(&self, kinds: Kinds, predicate: &Predicate, faults: &mut Faults<'_>) {
        let hint = match kinds {
            Kinds::LIST => "write each = { … } to say it of every item",
            Kinds::OBJECT => {
                "name one of its members, or write keys = { … } to say it of all their names"
            }
            _ => "compare it with a value of its type; what has another type is never allowed",
        };
        faults.add(
            self.at,
            format!(
                "`{}` is {kinds}, and this comparison reads {}",
                self.field,
                reads(predicate)
            ),
            hint,
        );
    }

    fn each(&self, group: &[Predicate], faults: &mut Faults<'_>) {
        let item: Vec<&str> = self.path.iter().copied().chain(["0"]).collect();
        let schemas = self.of.schemas.iter();
        let shapes: Vec<_> = schemas
            .map(|(_, schema)| find(schema, &item))
            .filter(|shape| !matches!(shape, Shape::Missing(_)))
            .collect();
        let inner = Subject {
            path: &item,
            item: &item,
            ..*self
        };
        inner.group(group, &shapes, faults);
    }

    fn item(&self, field: &FieldPath, group: &[Predicate], faults: &mut Faults<'_>) {
        let path: Vec<&str> = self.item.iter().copied().chain(field.steps()).collect();
        let Some(shapes) = self.of.shapes_at(&path, field, self.at, faults) else {
            return;
        };
        let inner = Subject {
            field,
            path: &path,
            ..*self
        };
        inner.group(group, &shapes, faults);
    }

    /// Two fields of which one is a text and the other a number are never equal.
    fn same_as(&self, kinds: Kinds, other: &FieldPath, faults: &mut Faults<'_>) {
        let path: Vec<&str> = match other.root() {
            Root::Item => self.item.iter().copied().chain(other.steps()).collect(),
            root if root == self.of.root => other.steps().collect(),
            Root::Principal | Root::Destination if kinds.and(Kinds::TEXT) != Kinds::NONE => return,
            Root::Principal | Root::Destination => {
                return self.never_same(kinds, other, Kinds::TEXT, faults);
            }
            Root::Input | Root::Args => return,
        };
        let shapes = self.of.shapes_at(&path, other, self.at, faults);
        let its = shapes.map_or(Kinds::ALL, |shapes| union(&shapes));
        if kinds.and(its) == Kinds::NONE {
            self.never_same(kinds, other, its, faults);
        }
    }

    fn never_same(&self, kinds: Kinds, other: &FieldPath, its: Kinds, faults: &mut Faults<'_>) {
        faults.add(
            self.at,
            format!(
                "`{}` is {kinds} and `{other}` is {its}: they are never the same",
                self.field
            ),
            "compare it with a field of its type",
        );
    }
}

/// A fault where a schema lists the field's values, and this is none of them.
fn listed(
    scalar: &Scalar,
    shapes: &[Shape<'_>],
    (field, at): (&FieldPath, usize),
    faults: &mut Faults<'_>,
) {
    let Scalar::Text(text) = scalar else {
        return;
    };
    let mut known = Vec::new();
    for shape in shapes {
        let Shape::Known(_, Some(values)) = shape else {
            return;
        };
        known.extend(values.iter().filter_map(|value| value.as_str()));
    }
    if !known.is_empty() && !known.contains(&text.as_str()) {
        faults.add(
            at,
            format!("`{field}` can never be `{}`", visible(text)),
            did_you_mean(text, &known),
        );
    }
}

/// The types that a comparison can tell anything of.
fn reads(predicate: &Predicate) -> Kinds {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::Bool(_) => Kinds::BOOL,
        Scalar::Number(_) => Kinds::NUMBER,
        Scalar::Text(_) => Kinds::TEXT,
    };
    match predicate {
        Predicate::Equal(one) | Predicate::NotEqual(one) => scalar(one),
        Predicate::In(all) | Predicate::NotIn(all) => {
            all.iter().map(scalar).fold(Kinds::NONE, Kinds::or)
        }
        Predicate::Greater(_)
        | Predicate::AtLeast(_)
        | Predicate::Less(_)
        | Predicate::AtMost(_)
        | Predicate::Range { .. } => Kinds::NUMBER,
        Predicate::Prefix(_)
        | Predicate::Suffix(_)
        | Predicate::Glob(_)
        | Predicate::Path(_)
        | Predicate::Host(_)
        | Predicate::Matches(_) => Kinds::TEXT,
        Predicate::Length { .. } => Kinds::TEXT.or(Kinds::LIST).or(Kinds::OBJECT),
        Predicate::InList(_)
        | Predicate::Known(_)
        | Predicate::FromCase(_)
        | Predicate::FromRecord(_) => Kinds::SCALAR,
        Predicate::Each(_) => Kinds::LIST,
        Predicate::Keys(_) => Kinds::OBJECT,
        Predicate::Exists(_)
        | Predicate::SameAs(_)
        | Predicate::Item(..)
        | Predicate::Any(_)
        | Predicate::Not(_) => Kinds::ALL,
    }
}

/// Fields that comparisons look at beside their own.
pub(super) fn others(predicates: &[Predicate]) -> Vec<&FieldPath> {
    let mut found = Vec::new();
    for predicate in predicates {
        match predicate {
            Predicate::SameAs(field) => found.push(field),
            Predicate::Each(group)
            | Predicate::Keys(group)
            | Predicate::Item(_, group)
            | Predicate::Not(group) => found.extend(others(group)),
            Predicate::Any(groups) => {
                found.extend(groups.iter().flat_map(|group| others(group)));
            }
            _ => {}
        }
    }
    found
}
