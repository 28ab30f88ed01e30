//! Guards and tables, tried with every value that their names can have: proofs, not samples.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::check::Sheet;
use crate::workflow::Title;
use crate::workflow::definition::{ActionRule, Declared, Definition, Order, PenaltyRule, State};
use crate::workflow::guard::{Guard, Values};

/// The most combinations of values that one question is tried with.
const MOST_POINTS: usize = 50_000;
/// Integers are tried from 0 to at least this.
const USUAL_INTEGERS: i64 = 4;

/// E10, E12, E14 (types), E15 and E16.
pub(super) fn check(def: &Definition, sheet: &mut Sheet<'_>) {
    checklists(def, sheet);
    for (name, rule) in &def.penalties {
        table(name, rule, sheet);
    }
    for (name, state) in &def.states {
        for (action, rule) in &state.actions {
            if let Some(guard) = &rule.when {
                answers(def, guard, &["states", name, "actions", action, "when"], sheet);
            }
        }
        overlaps(def, name, state, sheet);
        penalties(def, name, state, sheet);
    }
}

fn checklists(def: &Definition, sheet: &mut Sheet<'_>) {
    for (name, list) in &def.checklists {
        answers(def, &list.when, &["checklists", name, "when"], sheet);
    }
    let guards: Vec<&Guard> = def.checklists.values().map(|list| &list.when).collect();
    if guards.is_empty() {
        return;
    }
    for values in points(def, &guards) {
        let matching = def.checklists.iter().filter(|(_, list)| list.when.holds(&values) == Ok(true));
        let matching: Vec<&str> = matching.map(|(name, _)| name.as_str()).collect();
        let [_] = matching.as_slice() else {
            let (seen, names) = (said(&values), matching.join(", "));
            let message = match matching.first() {
                None => Title::new(format!("{seen}：不符合任何清单"), format!("{seen} matches no checklist")),
                Some(_) => Title::new(
                    format!("{seen}：符合多个清单：{names}"),
                    format!("{seen} matches several: {names}"),
                ),
            };
            let path = match matching.get(1) {
                Some(second) => vec!["checklists", second, "when"],
                None => vec!["checklists"],
            };
            sheet.note("E12", &path, message);
            return;
        };
    }
}

/// A guard must be true or false wherever it is asked, and true somewhere.
fn answers(def: &Definition, guard: &Guard, path: &[&str], sheet: &mut Sheet<'_>) {
    if guard.names.iter().any(|name| !def.context.contains_key(name)) {
        return;
    }
    let points = points(def, &[guard]);
    if points.is_empty() {
        let en = "the condition has too many combinations of values to be checked";
        sheet.note("E14", path, Title::new("条件的取值组合过多，无法逐一检查", en));
        return;
    }
    let mut ever = false;
    for values in points {
        match guard.holds(&values) {
            Ok(holds) => ever |= holds,
            Err(error) => {
                let message =
                    Title::new(format!("{}：{error}", said(&values)), format!("{}: {error}", said(&values)));
                sheet.note("E14", path, message);
                return;
            }
        }
    }
    if !ever {
        sheet.note("E14", path, Title::new("条件永远不成立", "the condition can never hold"));
    }
}

/// Two actions of one state for one event: by condition and not by choice, and yet both can hold.
fn overlaps(def: &Definition, name: &str, state: &State, sheet: &mut Sheet<'_>) {
    let rules: Vec<(&String, &ActionRule)> = state.actions.iter().collect();
    for (i, (first, a)) in rules.iter().enumerate() {
        for (second, b) in rules.iter().skip(i + 1) {
            if same_event(a, b) && together(def, a, b) {
                let en = format!("`{first}` and `{second}` can both apply to the same event");
                let path = ["states", name, "actions", second];
                sheet.note("E15", &path, Title::new(format!("“{first}”与“{second}”可能同时成立"), en));
            }
        }
    }
}

fn same_event(a: &ActionRule, b: &ActionRule) -> bool {
    if a.is_timer() && b.is_timer() {
        return true;
    }
    let set = |rule: &ActionRule| -> (BTreeSet<String>, BTreeSet<&'static str>) {
        (rule.by.iter().cloned().collect(), rule.needs.iter().map(|need| need.input()).collect())
    };
    a.when.is_some() && b.when.is_some() && !a.needs.is_empty() && set(a) == set(b)
}

fn together(def: &Definition, a: &ActionRule, b: &ActionRule) -> bool {
    let guards: Vec<&Guard> = a.when.iter().chain(&b.when).collect();
    points(def, &guards).iter().any(|values| guards.iter().all(|guard| guard.holds(values) == Ok(true)))
}

/// A table of penalties starts at the first attempt, has no gap, and says what comes after its end.
fn table(name: &str, rule: &PenaltyRule, sheet: &mut Sheet<'_>) {
    if rule.given.is_some() {
        return;
    }
    let expected = 1..=u32::try_from(rule.by_attempt.len()).unwrap_or(u32::MAX);
    let path = ["penalties", name, "by_attempt"];
    if !rule.by_attempt.keys().copied().eq(expected) {
        sheet.note("E10", &path, Title::new("扣分表有缺口", "the table of attempts has a gap"));
    }
    if rule.beyond.is_none() {
        let en = "the table has no end: it does not say what comes beyond";
        sheet.note("E10", &path, Title::new("扣分表没有写明之后如何处理", en));
    }
}

/// Where a table is used: the guard lets exactly the table's attempts through, and the next one has a way beyond.
fn penalties(def: &Definition, name: &str, state: &State, sheet: &mut Sheet<'_>) {
    for (action, rule) in &state.actions {
        for order in &rule.effects {
            let Order::Penalise(penalty) = order else { continue };
            let Some(table) = def.penalties.get(penalty).filter(|table| table.given.is_none()) else {
                continue;
            };
            let path = ["states", name, "actions", action];
            let most = table.by_attempt.keys().max().copied().unwrap_or_default();
            for attempt in 1..=most.saturating_add(1) {
                let charged = table.by_attempt.contains_key(&attempt);
                if can_hold(def, rule, attempt) != charged {
                    let (zh, en) = if charged {
                        (
                            format!("第{attempt}次有分值，但条件不允许"),
                            format!("attempt {attempt} has points, but the guard keeps it out"),
                        )
                    } else {
                        (
                            format!("条件允许第{attempt}次，但扣分表没有"),
                            format!("the guard lets attempt {attempt} through, which has no points"),
                        )
                    };
                    sheet.note("E16", &path, Title::new(zh, en));
                    break;
                }
            }
            let Some(beyond) = &table.beyond else { continue };
            let leads = |rule: &ActionRule| rule.to == *beyond && can_hold(def, rule, most.saturating_add(1));
            if !state.actions.values().any(leads) {
                let en = format!("after the table's end no action leads to `{beyond}`");
                sheet.note("E16", &path, Title::new(format!("超过扣分表后没有通往“{beyond}”的操作"), en));
            }
        }
    }
}

/// Whether an action's guard can hold at this attempt, for some values of its other names.
fn can_hold(def: &Definition, rule: &ActionRule, attempt: u32) -> bool {
    let Some(guard) = &rule.when else { return true };
    points(def, &[guard]).into_iter().any(|mut values| {
        let counters = def.context.iter().filter(|(name, _)| name.as_str() == "case.attempt");
        values.extend(counters.map(|(name, _)| (name.clone(), Value::from(attempt))));
        guard.holds(&values) == Ok(true)
    })
}

/// Every combination of values of the names that these guards use; none when there are too many to try.
fn points(def: &Definition, guards: &[&Guard]) -> Vec<Values> {
    let names: BTreeSet<&String> = guards.iter().flat_map(|guard| &guard.names).collect();
    let mut points = vec![Values::new()];
    for name in names {
        let Some(declared) = def.context.get(name) else { continue };
        let domain = domain(def, declared, guards);
        if points.len().saturating_mul(domain.len()) > MOST_POINTS {
            return Vec::new();
        }
        let with = |values: &Values, value: &Value| {
            let mut values = values.clone();
            values.insert(name.clone(), value.clone());
            values
        };
        points =
            points.iter().flat_map(|values| domain.iter().map(move |value| with(values, value))).collect();
    }
    points
}

/// The values that stand for all of a name's: integers up to just beyond the penalty tables and the numbers that the
/// guards compare with. Guards do not reckon, so they cannot tell larger ones apart.
fn domain(def: &Definition, declared: &Declared, guards: &[&Guard]) -> Vec<Value> {
    match declared.kind.as_deref() {
        Some("bool") => vec![false.into(), true.into()],
        Some(_) => {
            let tables = def.penalties.values().filter_map(|rule| rule.by_attempt.keys().max());
            let most = tables.max().copied().map_or(0, i64::from).saturating_add(2).max(USUAL_INTEGERS);
            let compared = guards.iter().flat_map(|guard| &guard.numbers);
            let around = |number: &i64| number.saturating_sub(1)..=number.saturating_add(1);
            let near = compared.flat_map(around).filter(|number| *number >= 0);
            (0..=most).chain(near).collect::<BTreeSet<i64>>().into_iter().map(Value::from).collect()
        }
        None => declared.values.iter().map(|word| Value::from(word.as_str())).collect(),
    }
}

fn said(values: &Values) -> String {
    let words: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    words.join(", ")
}

/// E09: tiers that are bounded by amounts leave no gap and do not overlap.
pub(super) fn tiers(policy: &Value, sheet: &mut Sheet<'_>) {
    let Some(rows) = policy.pointer("/tiers/rows").and_then(Value::as_object) else { return };
    let amount = |row: &Value, key: &str| row.get(key).and_then(Value::as_u64);
    // A lower bound, whether it belongs to the tier, the upper bound, and the tier's name.
    let mut spans: BTreeMap<(u64, bool), (Option<u64>, &str)> = BTreeMap::new();
    for (name, row) in rows {
        let lower =
            amount(row, "from").map(|from| (from, false)).or(amount(row, "above").map(|above| (above, true)));
        let Some(lower) = lower else { continue };
        if spans.insert(lower, (amount(row, "below"), name)).is_some() {
            sheet.note("E09", &["tiers", "rows", name], Title::new("两个档次重叠", "two tiers overlap"));
        }
    }
    let spans: Vec<_> = spans.into_iter().collect();
    for pair in spans.windows(2) {
        let [(_, (upper, _)), ((lower, open), (_, name))] = pair else { continue };
        if *upper != Some(*lower) || *open {
            let en = "this tier does not begin where the one below ends";
            sheet.note("E09", &["tiers", "rows", name], Title::new("与下一档次之间有缺口或重叠", en));
        }
    }
    if let Some((_, (Some(_), name))) = spans.last() {
        let en = "the highest tier has an upper bound: amounts above it match none";
        sheet.note("E09", &["tiers", "rows", name], Title::new("最高档次不应有上限", en));
    }
}
