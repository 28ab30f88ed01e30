//! Guards: conditions in CEL over the names that a definition declares.
//!
//! A guard is compiled once, when its definition is read. The crate has no type check, so the names and functions
//! that it uses are read from its syntax tree, and `check` tries it with every value that its names can have.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::{Context, IdedExpr, Program};
use serde_json::Value;

/// The longest guard, in bytes; it also bounds how deep one can be nested.
const LONGEST: usize = 500;

/// Values by dotted name, such as `case.attempt`.
pub(super) type Values = BTreeMap<String, Value>;

/// A compiled condition.
pub(super) struct Guard {
    pub(super) text: String,
    program: Program,
    pub(super) names: BTreeSet<String>,
    pub(super) functions: BTreeSet<String>,
    /// The whole numbers that it compares with.
    pub(super) numbers: BTreeSet<i64>,
}

/// The guard has no answer for these values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("not a condition: {0}")]
    Syntax(String),
    #[error("the condition is neither true nor false: {0}")]
    NoAnswer(String),
}

impl Guard {
    /// Compiles a condition.
    pub(super) fn compile(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST {
            return Err(Error::Syntax(format!("it is longer than {LONGEST} bytes")));
        }
        let program = Program::compile(text).map_err(|errors| {
            Error::Syntax(errors.to_string().lines().next().unwrap_or_default().chars().take(160).collect())
        })?;
        let mut used = Used::default();
        collect(program.expression(), &mut used);
        let Used { names, functions, numbers } = used;
        Ok(Self { text: text.to_owned(), program, names, functions, numbers })
    }

    /// Whether the condition holds for these values; only the names that it uses are looked at.
    pub(super) fn holds(&self, values: &Values) -> Result<bool, Error> {
        let mut roots: HashMap<String, HashMap<String, cel::Value>> = HashMap::new();
        let mut context = Context::default();
        for name in &self.names {
            let Some(value) = values.get(name).and_then(to_cel) else { continue };
            match name.split_once('.') {
                Some((root, field)) => {
                    roots.entry(root.to_owned()).or_default().insert(field.to_owned(), value);
                }
                None => context.add_variable_from_value(name.as_str(), value),
            }
        }
        for (root, fields) in roots {
            context.add_variable_from_value(root, cel::Value::from(fields));
        }
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err(Error::NoAnswer("it is not a yes-or-no question".into())),
            Err(error) => Err(Error::NoAnswer(error.to_string().chars().take(160).collect())),
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.text).finish()
    }
}

fn to_cel(value: &Value) -> Option<cel::Value> {
    match value {
        Value::Bool(flag) => Some(cel::Value::Bool(*flag)),
        Value::Number(number) => number.as_i64().map(cel::Value::Int),
        Value::String(text) => Some(cel::Value::from(text.as_str())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What a guard's syntax tree speaks of.
#[derive(Default)]
struct Used {
    names: BTreeSet<String>,
    functions: BTreeSet<String>,
    numbers: BTreeSet<i64>,
}

fn collect(expr: &IdedExpr, used: &mut Used) {
    if let Some(name) = dotted(&expr.expr) {
        used.names.insert(name);
        return;
    }
    match &expr.expr {
        Expr::Call(call) => {
            used.functions.insert(call.func_name.clone());
            for part in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                collect(part, used);
            }
        }
        Expr::List(list) => list.elements.iter().for_each(|item| collect(item, used)),
        Expr::Select(select) => collect(&select.operand, used),
        // Macros and structures are not part of the language of guards.
        Expr::Comprehension(_) => drop(used.functions.insert("comprehension".into())),
        Expr::Struct(_) => drop(used.functions.insert("struct".into())),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    collect(&entry.key, used);
                    collect(&entry.value, used);
                }
            }
        }
        Expr::Literal(LiteralValue::Int(number)) => drop(used.numbers.insert(*number.inner())),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn dotted(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", dotted(&select.operand.expr)?, select.field))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Guard, LONGEST, Values};

    fn values() -> Values {
        [("customer.kind", json!("person")), ("case.attempt", json!(3)), ("checklist.complete", json!(true))]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    #[test]
    fn guards_answer() {
        for (text, answer) in [
            ("case.attempt <= 3", true),
            ("case.attempt > 3", false),
            ("customer.kind == 'person' && checklist.complete", true),
            ("!(customer.kind in ['person'])", false),
        ] {
            assert_eq!(Guard::compile(text).unwrap().holds(&values()), Ok(answer), "{text}");
        }
    }

    #[test]
    fn names_and_functions_are_read_from_the_syntax() {
        let guard = Guard::compile("size(customer.kind) > 2 && !case.done").unwrap();
        assert!(guard.names.iter().map(String::as_str).eq(["case.done", "customer.kind"]));
        assert!(guard.functions.contains("size"));
        assert_eq!(guard.numbers, [2].into());
    }

    #[test]
    fn nonsense_is_an_error_and_never_a_crash() {
        let nested = format!("{}1{}", "(".repeat(240), ")".repeat(240));
        let wrong = ["", "case.attempt <=", "1 + 1", "nobody.knows", "case.attempt == 3 && 1", "'", &nested];
        for text in wrong.into_iter().chain(["9223372036854775807 + 1 > 0", "1 / 0 > 0"]) {
            let answer = Guard::compile(text).and_then(|guard| guard.holds(&values()));
            assert!(answer.is_err(), "{text}: {answer:?}");
        }
        for deep in ["(", "[", "!", "-", "{", "a.", "a?", "f("] {
            assert!(Guard::compile(&deep.repeat(LONGEST / deep.len())).is_err(), "{deep}");
        }
    }
}
