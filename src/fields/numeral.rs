//! Numbers written in Han characters, in the plain and in the capital forms of banks.
//!
//! Source: 正确填写票据和结算凭证的基本规定 (People's Bank of China, annex 1 of 支付结算办法), which lists the capital forms,
//! traditional ones among them, and says where 零 stands. Reading is milder than that rule: a 零 too many or too few is
//! no fault as long as there is only one number it can mean.

/// What a character is in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    /// 0 to 9.
    Digit(u64),
    /// 廿 and the like: tens with their unit.
    Tens(u64),
    /// 10, 100, 1000.
    Unit(u64),
    /// 10^4.
    Myriad,
    /// 10^8.
    Yi,
}

pub(super) fn symbol(c: char) -> Option<Symbol> {
    Some(match c {
        '〇' | '零' | '○' | '◯' => Symbol::Digit(0),
        '一' | '壹' | '壱' | '弌' => Symbol::Digit(1),
        '二' | '贰' | '貳' | '弍' | '貮' | '弐' | '两' | '兩' => Symbol::Digit(2),
        '三' | '叁' | '叄' | '參' | '参' | '弎' => Symbol::Digit(3),
        '四' | '肆' => Symbol::Digit(4),
        '五' | '伍' => Symbol::Digit(5),
        '六' | '陆' | '陸' => Symbol::Digit(6),
        '七' | '柒' => Symbol::Digit(7),
        '八' | '捌' => Symbol::Digit(8),
        '九' | '玖' => Symbol::Digit(9),
        '廿' => Symbol::Tens(20),
        '卅' => Symbol::Tens(30),
        '卌' => Symbol::Tens(40),
        '十' | '拾' => Symbol::Unit(10),
        '百' | '佰' | '陌' => Symbol::Unit(100),
        '千' | '仟' | '阡' => Symbol::Unit(1000),
        '万' | '萬' => Symbol::Myriad,
        '亿' | '億' => Symbol::Yi,
        _ => return None,
    })
}

/// Whether this is one of the forms that are only used where nobody may alter the number.
pub(super) fn is_capital(c: char) -> bool {
    symbol(c).is_some() && !"〇零○◯一二两兩三四五六七八九十百千万萬亿億廿卅卌".contains(c)
}

/// The number these characters write, if it is one number and well formed.
pub(super) fn value(text: &[char]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut number = Number::default();
    for c in text {
        number.push(symbol(*c)?)?;
    }
    number.value()
}

/// The number of a year, month or day: as [`value`], or digit for digit (二〇二六), perhaps with a leading 零 (零叁).
pub(super) fn digits_or_value(text: &[char]) -> Option<u64> {
    let by_digit = text.iter().try_fold(0_u64, |value, c| match symbol(*c)? {
        Symbol::Digit(digit) => value.checked_mul(10)?.checked_add(digit),
        _ => None,
    });
    by_digit.filter(|_| !text.is_empty()).or_else(|| value(text))
}

/// A number on the way.
#[derive(Debug, Default)]
struct Number {
    /// What 亿 has closed, and what 万 has since.
    yi: Option<u64>,
    myriads: Option<u64>,
    /// Below ten thousand: the sum so far, its last unit, and a digit without unit.
    section: u64,
    unit: Option<u64>,
    digit: Option<u64>,
    /// A 零 came before the digit.
    zero: bool,
    /// The last unit was that of 廿, which may be written after it once more.
    tens: bool,
}

impl Number {
    fn push(&mut self, symbol: Symbol) -> Option<()> {
        self.tens &= symbol == Symbol::Unit(10);
        match symbol {
            Symbol::Digit(digit) => self.push_digit(digit),
            Symbol::Tens(tens) => {
                self.push_digit(tens / 10)?;
                self.push_unit(10)?;
                self.tens = true;
                Some(())
            }
            Symbol::Unit(unit) => self.push_unit(unit),
            Symbol::Myriad => {
                let section = self.close_section().filter(|section| *section > 0)?;
                self.myriads.is_none().then(|| self.myriads = Some(section))
            }
            Symbol::Yi => {
                let below = self.close_section()?;
                let value = self.myriads.take().unwrap_or(0) * 10_000 + below;
                (self.yi.is_none() && value > 0).then(|| self.yi = Some(value))
            }
        }
    }

    fn push_digit(&mut self, digit: u64) -> Option<()> {
        if self.digit.is_some_and(|before| before != 0) {
            return None;
        }
        self.zero |= digit == 0;
        self.digit = Some(digit);
        Some(())
    }

    /// A unit after its digit, except that ten needs none. Units come from high to low.
    fn push_unit(&mut self, unit: u64) -> Option<()> {
        if unit == 10 && std::mem::take(&mut self.tens) {
            return Some(());
        }
        let ten_below = unit == 10 && self.unit != Some(100);
        let after = self.unit.is_some() || self.myriads.is_some() || self.yi.is_some();
        let digit = match self.digit.take() {
            // 壹仟零拾 is 1010, but 壹佰零拾伍 fills in a form.
            Some(0) if ten_below => after.then_some(1)?,
            None if ten_below => (self.unit.is_none()).then_some(1)?,
            digit => digit?,
        };
        if self.unit.is_some_and(|last| last <= unit) {
            return None;
        }
        self.section += digit * unit;
        (self.unit, self.zero) = (Some(unit), false);
        Some(())
    }

    /// What stands below ten thousand. A last digit that skips a unit needs a 零: 一万五 would be 15000, not 10005.
    fn close_section(&mut self) -> Option<u64> {
        let skips = match self.unit {
            Some(unit) => unit > 10,
            None => self.myriads.is_some() || self.yi.is_some(),
        };
        let digit = self.digit.take().unwrap_or(0);
        if digit != 0 && skips && !self.zero {
            return None;
        }
        let section = self.section + digit;
        (self.section, self.unit, self.zero) = (0, None, false);
        Some(section)
    }

    fn value(mut self) -> Option<u64> {
        let section = self.close_section()?;
        let myriads = self.myriads.unwrap_or(0).checked_mul(10_000)?;
        self.yi.unwrap_or(0).checked_mul(100_000_000)?.checked_add(myriads)?.checked_add(section)
    }
}

#[cfg(test)]
mod tests {
    use super::{digits_or_value, value};

    fn of(text: &str) -> Option<u64> {
        value(&text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("壹佰贰拾捌万陆仟肆佰伍拾", 1_286_450),
            ("叁拾伍万捌仟", 358_000),
            ("壹拾壹万柒仟", 117_000),
            ("十万", 100_000),
            ("廿五", 25),
            ("廿拾伍", 25),
            ("一百零五", 105),
            ("壹仟零壹", 1001),
            ("壹仟零壹拾", 1010),
            ("壹仟零拾", 1010),
            ("一万零十", 10_010),
            ("壹仟零佰零拾伍", 1005),
            ("壹佰零拾伍", 105),
            ("壹万零仟零佰零拾伍", 10_005),
            ("壹仟伍拾", 1050),
            ("壹亿零伍", 100_000_005),
            ("貳萬億", 2_000_000_000_000),
            ("两千", 2000),
            ("零", 0),
            ("壹佰贰拾零", 120),
        ] {
            assert_eq!(of(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn no_numbers() {
        for text in [
            "",
            "一二",
            "万",
            "一万五",
            "壹佰伍",
            "拾佰",
            "一十二十",
            "壹万贰万",
            "百",
            "一千十",
            "零万",
            "廿十十",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn digits() {
        for (text, expected) in
            [("二〇二六", 2026), ("零叁", 3), ("十一", 11), ("零壹拾", 10), ("三十一", 31)]
        {
            assert_eq!(digits_or_value(&text.chars().collect::<Vec<_>>()), Some(expected), "{text}");
        }
    }
}
