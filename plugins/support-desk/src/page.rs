//! Paging. What one answer gives as `next`, the next call takes as `page`.

use tollgate_sdk::prelude::*;

/// Pages beyond this are a caller that goes in circles.
const PAGE_MAX: u32 = 10_000;

/// Some of a list, and where it goes on.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// What is on this page.
    pub(crate) items: Vec<T>,
    /// For the next call; nothing at the end.
    pub(crate) next: Option<String>,
    /// How many there are in all, where the desk says so.
    pub(crate) total: Option<u64>,
}

/// How much is asked for, and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// Most items.
    pub(crate) size: u32,
    /// What an earlier answer gave as `next`.
    pub(crate) page: Option<&'a str>,
}

impl Window<'_> {
    /// The number of the page, from 1.
    pub(crate) fn number(&self) -> Result<u32, ToolError> {
        let Some(text) = self.page else { return Ok(1) };
        let number = text
            .parse()
            .ok()
            .filter(|number| (1..=PAGE_MAX).contains(number));
        number.ok_or_else(|| {
            ToolError::invalid_input("/page", "is no page")
                .hint("give what the last answer had as `next`, or leave it out to begin")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_an_answer_gave() {
        let number = |page| Window { size: 5, page }.number().ok();
        assert_eq!(number(None), Some(1));
        assert_eq!(number(Some("7")), Some(7));
        for bad in ["0", "-1", "x", "", "10001", "99999999999"] {
            assert_eq!(number(Some(bad)), None, "{bad}");
        }
    }
}
