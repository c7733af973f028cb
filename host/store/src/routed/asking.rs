//! Questions that several stores are asked at the same time.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::RoutedStore;
use crate::{Store, StoreError, Unavailable};

/// How long one of several stores may take to answer a question about all
/// tenants. Longer than a store needs to find out by itself that it is away.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// What came of it, in the order of the stores.
pub(super) struct Asked<T> {
    answers: Vec<(usize, T)>,
    failed: Option<StoreError>,
}

impl<T> Asked<T> {
    pub(super) fn or_failed(self) -> Result<Vec<(usize, T)>, StoreError> {
        match self.failed {
            Some(error) if self.answers.is_empty() => Err(error),
            _ => Ok(self.answers),
        }
    }
}

impl RoutedStore {
    /// Ask every store at the same time, for so long at most: one whose server has
    /// vanished must not hold up what the others can answer.
    fn asking<T, F>(
        &self,
        ask: impl Fn(Arc<dyn Store>) -> F,
    ) -> JoinSet<(usize, Result<T, StoreError>)>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let mut asking = JoinSet::new();
        for (index, store) in self.stores.iter().enumerate() {
            let answer = tokio::time::timeout(ASK_WITHIN, ask(store.clone()));
            asking.spawn(async move {
                let answer = answer.await.unwrap_or_else(|_| Err(no_answer(index)));
                (index, answer)
            });
        }
        asking
    }

    /// Ask every store. The answers of those that can be asked count; an error is
    /// the answer only when there is no other.
    pub(super) async fn ask_all<T, F>(&self, ask: impl Fn(Arc<dyn Store>) -> F) -> Asked<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let mut asking = self.asking(ask);
        let mut asked = Asked {
            answers: Vec::with_capacity(self.stores.len()),
            failed: None,
        };
        while let Some(joined) = asking.join_next().await {
            match joined {
                Ok((index, Ok(answer))) => asked.answers.push((index, answer)),
                Ok((index, Err(error))) => {
                    tracing::warn!(store = index, %error, "a store cannot be asked");
                    asked.failed = Some(error);
                }
                Err(_) => asked.failed = Some(StoreError::Closed),
            }
        }
        asked.answers.sort_by_key(|(index, _)| *index);
        asked
    }

    /// The first store that has something has it: nobody waits for the others.
    /// That nobody has it is known only when all were asked.
    pub(super) async fn ask_until_found<T, F>(
        &self,
        ask: impl Fn(Arc<dyn Store>) -> F,
        counts: impl Fn(usize, &T) -> bool,
    ) -> Result<Option<T>, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<Option<T>, StoreError>> + Send + 'static,
    {
        let mut asking = self.asking(ask);
        let mut failed = None;
        while let Some(joined) = asking.join_next().await {
            match joined {
                Ok((index, Ok(Some(found)))) if counts(index, &found) => return Ok(Some(found)),
                Ok((_, Ok(_))) => {}
                Ok((index, Err(error))) => {
                    tracing::warn!(store = index, %error, "a store cannot be asked");
                    failed = Some(error);
                }
                Err(_) => failed = Some(StoreError::Closed),
            }
        }
        failed.map_or(Ok(None), Err)
    }
}

fn no_answer(index: usize) -> StoreError {
    StoreError::Unavailable {
        why: Unavailable::Io,
        path: format!("place {index} of several").into(),
        source: None,
    }
}
