//! What each of the three methods says of a relation.

use serde::Serialize;

use super::number::{fraction, percent, whole};

/// A way to tell how much of a relation is bloat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// From the server's statistics, and a sample of rows where they do not reach.
    Statistics,
    /// `pgstattuple_approx`: reads pages that are not all-visible, and the free space map.
    Approximate,
    /// `pgstattuple` and `pgstatindex`: reads everything.
    Exact,
}

impl Method {
    /// As it stands in the report.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Statistics => "statistics",
            Self::Approximate => "approximate",
            Self::Exact => "exact",
        }
    }

    /// How far the bloat may be off, in percent of the relation's size, under the conditions that
    /// [`Method::conditions`] names.
    pub(crate) fn error_band_percent(self) -> u8 {
        match self {
            Self::Statistics => 10,
            Self::Approximate => 10,
            Self::Exact => 5,
        }
    }

    /// What the error band holds for.
    pub(crate) fn conditions(self) -> &'static str {
        match self {
            Self::Statistics => {
                "fresh statistics; relations of 1 MB and more; a relation without a bound says why"
            }
            Self::Approximate => {
                "tables and TOAST; a free space map as VACUUM left it; line pointers of removed rows \
                 count as live"
            }
            Self::Exact => {
                "live, dead and free bytes are counted; the band is that of the size after a \
                 rewrite, which is calculated from them; an index that grew by inserts of equal keys \
                 may shrink more"
            }
        }
    }
}

/// What one method found of one relation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Measure {
    /// Rows, chunks or entries that are alive; 0 for an exact index, which counts bytes.
    pub(crate) live_tuples: u64,
    /// Bytes that they take, headers included, padding and page overhead not.
    pub(crate) live_bytes: u64,
    /// Dead ones that were not removed yet.
    pub(crate) dead_tuples: u64,
    /// Bytes that they take.
    pub(crate) dead_bytes: u64,
    /// Bytes that new rows may use.
    pub(crate) free_bytes: u64,
    /// Size that the relation would have if it were written anew with its fill factor.
    pub(crate) ideal_bytes: u64,
    /// What the real size is above that.
    pub(crate) bloat_bytes: u64,
    /// The same in percent of the real size.
    pub(crate) bloat_percent: f64,
    /// How far the bloat may be off, in percent of the size; `None` where that is not bounded.
    pub(crate) error_band_percent: Option<u8>,
    /// What it rests on.
    pub(crate) basis: String,
    /// For a btree: size that it keeps under its present pattern of inserts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steady_bytes: Option<u64>,
}

/// The figures that a method has; the rest follows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) live_tuples: f64,
    pub(crate) live_bytes: f64,
    pub(crate) dead_tuples: f64,
    pub(crate) dead_bytes: f64,
    pub(crate) free_bytes: f64,
    pub(crate) ideal_bytes: f64,
}

impl Measure {
    /// The measure of a relation of that size.
    pub(crate) fn new(size: u64, figures: Figures, method: Method, basis: String) -> Self {
        let ideal = figures.ideal_bytes;
        let bloat = (fraction(size) - ideal).max(0.0);
        Self {
            live_tuples: whole(figures.live_tuples.round()),
            live_bytes: whole(figures.live_bytes),
            dead_tuples: whole(figures.dead_tuples),
            dead_bytes: whole(figures.dead_bytes),
            free_bytes: whole(figures.free_bytes),
            ideal_bytes: whole(ideal),
            bloat_bytes: whole(bloat),
            bloat_percent: percent(bloat, fraction(size)),
            error_band_percent: Some(method.error_band_percent()),
            basis,
            steady_bytes: None,
        }
    }
}

/// All methods' answers for one relation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Estimates {
    pub(crate) statistics: Option<Measure>,
    pub(crate) approximate: Option<Measure>,
    pub(crate) exact: Option<Measure>,
}

impl Estimates {
    /// The best answer that there is, and whose it is.
    pub(crate) fn best(&self) -> Option<(Method, &Measure)> {
        let exact = self.exact.as_ref().map(|m| (Method::Exact, m));
        let approximate = self.approximate.as_ref().map(|m| (Method::Approximate, m));
        let statistics = self.statistics.as_ref().map(|m| (Method::Statistics, m));
        exact.or(approximate).or(statistics)
    }
}
