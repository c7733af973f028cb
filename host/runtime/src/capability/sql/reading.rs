//! `sql.query`, and `sql.preview`: how many rows a change would touch. Both change
//! nothing that stays. A preview's statement passes the walls of a change and runs in
//! a transaction that is never committed; the policy takes it for a read. What a
//! trigger does outside of the database, and numbers that a sequence gave, do not come
//! back with it.

use std::future::Future;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::component::{ComponentType, Lower};

use super::databases::Databases;
use super::{Changed, Granted, INTERFACE, Purpose, Rows, SqlError, SqlValue, describe};
use crate::capability::Backends;
use crate::door::{Described, Imported, Operation, Performed, Prior, Refusal, Scope};

/// One kind of reading.
pub(crate) trait Reading: Send + Sync + 'static {
    /// Name in records and rules.
    const CALL: &'static str;
    /// Name in our contract.
    const FUNCTION: &'static str;
    /// What its statement is for.
    const PURPOSE: Purpose;
    /// What it comes to.
    type Answer: Serialize + DeserializeOwned + ComponentType + Lower + Send + Sync + 'static;

    /// Read.
    fn read(
        databases: &Databases,
        granted: &Granted,
        scope: &Scope<'_>,
    ) -> impl Future<Output = Result<Self::Answer, SqlError>> + Send;
}

/// Run one statement that changes nothing.
pub(crate) struct Read<R>(PhantomData<R>);

/// Run one `SELECT`.
pub(crate) type Query = Read<Select>;

/// Run one `INSERT`, `UPDATE` or `DELETE`, and take it back.
pub(crate) type Preview = Read<TakenBack>;

/// What [`Query`] reads by.
pub(crate) struct Select;

impl Reading for Select {
    const CALL: &'static str = "sql.query";
    const FUNCTION: &'static str = "query";
    const PURPOSE: Purpose = Purpose::Query;
    type Answer = Rows;

    async fn read(
        databases: &Databases,
        granted: &Granted,
        scope: &Scope<'_>,
    ) -> Result<Rows, SqlError> {
        let database = databases.of(&granted.grant, scope.tenant)?;
        database
            .query(granted, scope.manifest.limits.deadline)
            .await
    }
}

/// What [`Preview`] reads by.
pub(crate) struct TakenBack;

impl Reading for TakenBack {
    const CALL: &'static str = "sql.preview";
    const FUNCTION: &'static str = "preview";
    const PURPOSE: Purpose = Purpose::Preview;
    type Answer = Changed;

    async fn read(
        databases: &Databases,
        granted: &Granted,
        scope: &Scope<'_>,
    ) -> Result<Changed, SqlError> {
        let database = databases.of(&granted.grant, scope.tenant)?;
        database
            .preview(granted, scope.manifest.limits.deadline)
            .await
    }
}

impl<R: Reading> Operation for Read<R> {
    const CALL: &'static str = R::CALL;
    type Arguments = (String, String, Vec<SqlValue>);
    type Reply = Result<R::Answer, SqlError>;
    type Plan = Granted;

    fn describe(arguments: Self::Arguments, scope: &Scope<'_>) -> Described<Granted, Self::Reply> {
        describe(scope, arguments, R::PURPOSE, Err)
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(SqlError::Refused(refusal))
    }

    async fn perform(
        granted: Granted,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        Performed::answered(R::read(&backends.databases, &granted, scope).await)
    }
}

impl<R: Reading> Imported for Read<R> {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = R::FUNCTION;
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}
