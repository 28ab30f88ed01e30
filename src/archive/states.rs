//! In which states the cases stand that hits belong to. States change, so the index knows the cases only; where they stand
//! is in their rows. Both are bounded by how many cases the hits may belong to ([`search::Limits::facet_cases_max`]).

use std::collections::{BTreeMap, HashMap};

use super::{Archive, Error, Finder};
use crate::access::{Action, Permit};
use crate::cases;
use crate::domain::CaseId;
use crate::records::{self, Records};
use crate::search::{self, Moment, Query, Wanted};

/// What was found of cases that stand in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InState {
    /// How many hits.
    pub count: u64,
    /// The workflow of one of the cases, which knows what the state is called.
    pub workflow: String,
    /// The reference of its definition.
    pub definition: String,
}

impl Archive {
    /// Narrows a query to cases that stand in this state now; nothing if what it finds belongs to too many cases.
    pub async fn in_state(
        &self,
        permit: &Permit,
        finder: Finder<'_>,
        query: &Query,
        (state, moment): (&str, Moment),
    ) -> Result<Option<Query>, Error> {
        if !permit.covers_archive(Action::Search) {
            return Err(Error::NotPermitted);
        }
        let scope = finder.scope(permit.actor(), Action::ViewDocument)?;
        let (index, records) = (finder.index.clone(), self.records.clone());
        let (query, state) = (query.clone(), state.to_owned());
        let narrowing = move || {
            let wanted = Wanted { facets: true, moment, ..Wanted::default() };
            let of_cases = index.search_as(&query.clone().of_any_case(), &scope, wanted)?;
            let facets = of_cases.facets.unwrap_or_default();
            if facets.too_many_cases {
                return Ok(None);
            }
            let mut stand_there = Vec::new();
            for id in facets.cases.into_keys() {
                let case = cases::get(&records, id)?;
                stand_there.extend(case.filter(|case| case.state == state).map(|case| case.id));
            }
            Ok(Some(query.of_cases(stand_there)))
        };
        tokio::task::spawn_blocking(narrowing).await.map_err(|_| search::Error::Lost)?
    }

    /// How hits are spread over the states of their cases.
    pub(super) async fn by_state(
        &self,
        by_case: HashMap<CaseId, u64>,
    ) -> Result<BTreeMap<String, InState>, Error> {
        let records = self.records.clone();
        let folding = tokio::task::spawn_blocking(move || fold(&records, by_case));
        Ok(folding.await.map_err(|_| search::Error::Lost)??)
    }
}

fn fold(
    records: &Records,
    by_case: HashMap<CaseId, u64>,
) -> Result<BTreeMap<String, InState>, records::Error> {
    let mut states: BTreeMap<String, InState> = BTreeMap::new();
    for (id, count) in by_case {
        let Some(case) = cases::get(records, id)? else { continue };
        let (workflow, definition) = (case.workflow, case.definition);
        states.entry(case.state).or_insert(InState { count: 0, workflow, definition }).count += count;
    }
    Ok(states)
}
