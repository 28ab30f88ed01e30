//! Why an event was refused. A refusal changes nothing, and names its cause.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Title;
use super::definition::Definition;

/// Why an event was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The actor holds none of the roles that may do this.
    Role {
        /// The roles that may.
        needed: Vec<String>,
    },
    /// The actor submitted the case, and somebody else must judge it.
    FourEyes,
    /// A condition does not hold.
    Guard {
        /// The condition.
        guard: String,
        /// The values that it saw.
        values: BTreeMap<String, Value>,
    },
    /// Something that the action needs was not supplied.
    Missing {
        /// What.
        inputs: Vec<String>,
    },
    /// Something that was supplied cannot be used.
    BadValue {
        /// What.
        input: String,
        /// Why.
        why: Title,
    },
    /// The state does not offer this.
    WrongState {
        /// The state.
        state: String,
        /// What it offers.
        offered: Vec<String>,
    },
    /// The case has changed since the actor saw it.
    StaleVersion {
        /// Its version now.
        current: u64,
    },
    /// There is no such return reason.
    UnknownReason {
        /// What was given.
        reason: String,
        /// Those that there are.
        known: Vec<String>,
    },
}

impl Refusal {
    /// The stable name of the cause.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Role { .. } => "role",
            Self::FourEyes => "four_eyes",
            Self::Guard { .. } => "guard",
            Self::Missing { .. } => "missing_input",
            Self::BadValue { .. } => "bad_value",
            Self::WrongState { .. } => "wrong_state",
            Self::StaleVersion { .. } => "stale_version",
            Self::UnknownReason { .. } => "unknown_reason",
        }
    }

    /// One sentence for a person, with the definition's own words.
    pub fn sentence(&self, def: &Definition, lang: &str) -> String {
        let zh = lang.starts_with("zh");
        let words = Words { lang, zh };
        match self {
            Self::Role { needed } => {
                let roles = words.list(needed, |role| def.roles.get(role));
                words.either(format!("此操作须由{roles}办理。"), format!("This is for: {roles}."))
            }
            Self::FourEyes => words.either(
                "提交人不能审核自己提交的资料，须由他人办理。".into(),
                "Whoever submitted the case cannot judge it: somebody else must.".into(),
            ),
            Self::Guard { guard, values } => {
                let seen: Vec<String> =
                    values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                let seen = seen.join(", ");
                if let Some(said) = def.otherwise(guard) {
                    return words
                        .either(format!("{}（{seen}）。", said.zh), format!("{} ({seen}).", said.en));
                }
                words.either(
                    format!("条件不成立：{guard}（当前：{seen}）。"),
                    format!("The condition does not hold: {guard} (now: {seen})."),
                )
            }
            Self::Missing { inputs } => {
                let inputs: Vec<&str> = inputs.iter().map(|input| input_title(input, zh)).collect();
                words.either(
                    format!("尚需填写：{}。", inputs.join("、")),
                    format!("Still needed: {}.", inputs.join(", ")),
                )
            }
            Self::BadValue { input, why } => {
                let (input, why) = (input_title(input, zh), why.get(lang));
                words.either(format!("{input}：{why}。"), format!("{input}: {why}."))
            }
            Self::WrongState { state, offered } => self.wrong_state(def, state, offered, &words),
            Self::StaleVersion { current } => words.either(
                format!("此案已被他人处理（现为第{current}版），请查看最新状态后再办理。"),
                format!("The case has changed meanwhile (it is at version {current} now): look at it again."),
            ),
            Self::UnknownReason { known, .. } => {
                let known = words.list(known, |reason| def.reason_title(reason));
                words.either(
                    format!("没有这种退回原因，可选：{known}。"),
                    format!("There is no such reason; choose from: {known}."),
                )
            }
        }
    }

    fn wrong_state(&self, def: &Definition, state: &str, offered: &[String], words: &Words<'_>) -> String {
        let now = def.state(state).map_or(state, |found| found.title.get(words.lang));
        let offered = words.list(offered, |action| def.action_title(state, action));
        if offered.is_empty() {
            return words.either(
                format!("此案现处于“{now}”，不能再办理。"),
                format!("The case stands at “{now}”, where nothing can be done."),
            );
        }
        words.either(
            format!("此案现处于“{now}”，可以办理：{offered}。"),
            format!("The case stands at “{now}”, where one can: {offered}."),
        )
    }
}

struct Words<'a> {
    lang: &'a str,
    zh: bool,
}

impl Words<'_> {
    fn either(&self, zh: String, en: String) -> String {
        if self.zh { zh } else { en }
    }

    fn list<'a>(&self, names: &'a [String], title: impl Fn(&str) -> Option<&'a Title>) -> String {
        let words: Vec<&str> =
            names.iter().map(|name| title(name).map_or(name.as_str(), |t| t.get(self.lang))).collect();
        words.join(if self.zh { "、" } else { ", " })
    }
}

fn input_title(input: &str, zh: bool) -> &str {
    let (in_zh, in_en) = match input {
        "reason" => ("原因", "a reason"),
        "documents" => ("不合格的资料", "the documents that fail"),
        "contracts" => ("合同份数", "the number of contracts"),
        "points" => ("分数", "the points"),
        "note" => ("说明", "a note"),
        "days" => ("天数", "the number of days"),
        "person" => ("人员", "a person"),
        "facts" => ("档案信息", "the dossier's facts"),
        "document" => ("资料", "the document"),
        "reasons" => ("单项原因", "the reasons of single documents"),
        "handover" => ("纸质资料交接", "the hand-over of the papers"),
        "holder" => ("保管人", "the holder"),
        "carrier" => ("经手人", "who carried the papers"),
        "place" => ("存放位置", "the place of the papers"),
        "at" => ("时间", "the time"),
        other => (other, other),
    };
    if zh { in_zh } else { in_en }
}
