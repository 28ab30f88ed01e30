//! What a check of a pack finds: a stable code, a place, a sentence and a hint, in both languages.

use serde::{Deserialize, Serialize};

use super::Title;
use super::yaml::Place;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The pack cannot be used.
    Error,
    /// The pack can be used when somebody has given a reason.
    Warning,
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `E..` an error, `W..` and `C..` a warning; stable.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// The file, by its path in the pack.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// What it is about: keys one below the other, joined by dots; empty for the file as a whole.
    pub subject: String,
    /// What is wrong.
    pub message: Title,
    /// What to do.
    pub hint: Title,
    /// The reason that the pack gives for a warning. One with a reason does not stop the pack from being published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

impl Finding {
    pub(super) fn new(code: &str, file: &str, at: Place, subject: String, message: Title) -> Self {
        let severity = if code.starts_with('E') { Severity::Error } else { Severity::Warning };
        Self {
            code: code.to_owned(),
            severity,
            file: file.to_owned(),
            line: at.line,
            column: at.column,
            subject,
            message,
            hint: hint(code),
            accepted: None,
        }
    }

    /// A finding that is about a whole line.
    pub(crate) fn on_line(code: &str, file: &str, line: u32, message: Title) -> Self {
        Self::new(code, file, Place { line, ..Place::START }, String::new(), message)
    }

    /// Whether the pack cannot be published because of it.
    pub fn stops(&self) -> bool {
        self.accepted.is_none()
    }
}

/// What to do about a finding of this code.
fn hint(code: &str) -> Title {
    let (zh, en) = match code {
        "E00" => ("对照 schemas/ 中的格式说明", "compare it with the format's schema in schemas/"),
        "E01" => ("检查拼写，或先定义这个名称", "check the spelling, or define the name"),
        "E02" => ("从某个可达状态增加通往它的操作，或删除它", "lead an action to it, or remove it"),
        "E03" => ("增加操作，或标明 final: true", "give it an action, or mark it `final: true`"),
        "E04" => ("增加一条通往终止状态的操作", "add an action on a way to a final state"),
        "E05" => (
            "设定 deadline，或写 deadline: none 并说明理由",
            "set a deadline, or `none` with `why_no_deadline`",
        ),
        "E06" => (
            "使用 remind，或本状态中 by: timer 的操作",
            "use `remind`, or an action of this state with `by: timer`",
        ),
        "E07" => ("写明 by: 角色", "say who may do it: `by:`"),
        "E08" => (
            "在操作的 needs 中写明，或使页面有可选的内容",
            "ask for it in the action's `needs`, or define what there is to choose from",
        ),
        "E09" => ("使相邻档次首尾相接", "let each tier begin where the one below ends"),
        "E10" => ("从1开始连续填写，并写明 beyond", "list every attempt from 1, and say what comes `beyond`"),
        "E11" => ("在 documents 中定义它", "define it under `documents`"),
        "E12" => (
            "调整 when，使每位客户恰好符合一个清单",
            "change `when` so that every dossier matches exactly one",
        ),
        "E13" => ("增加 not_by: case.submitted_by", "add `not_by: case.submitted_by`"),
        "E14" => (
            "只使用 context 中声明的名称，并只作比较",
            "use only names declared in `context`, and only compare them",
        ),
        "E15" => ("调整 when，使条件互斥", "change `when` so that the conditions exclude each other"),
        "E16" => {
            ("使 when 与 by_attempt 覆盖相同的次数", "let `when` and `by_attempt` cover the same attempts")
        }
        "E17" => (
            "为旧版本的每个状态、期限和计数器写明去向",
            "say where every state, timer and counter of the former version goes",
        ),
        "E18" => (
            "在允许查看资料的策略上用 @sensitive 列出它",
            "name it in `@sensitive` of the policies that permit to see documents",
        ),
        "E19" => (
            "在 policy.yaml 的 retention 中写明保存期限",
            "say in the policy's `retention` how long it is kept",
        ),
        "E21" => ("删除这条 accepted", "remove it from `accepted`"),
        "W20" => (
            "写一个经过它的故事，或在 accepted 中说明理由",
            "tell a story that walks it, or give a reason in `accepted`",
        ),
        "C01" => (
            "须有身份证明，或经合规负责人同意后在 accepted 中说明理由",
            "ask for proof of identity, or let whoever answers for compliance give a reason in `accepted`",
        ),
        _ => ("", ""),
    };
    Title::new(zh, en)
}
