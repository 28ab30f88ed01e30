//! Check digits, and what else a number must satisfy to be what it claims. Pure arithmetic on characters.
//!
//! Sources: GB 11643-1999 (resident identity numbers) with ISO 7064 MOD 11-2; GB 32100-2015 (unified social credit
//! codes) with its MOD 31-3; ISO/IEC 7812-1 annex B (Luhn) for cards.

use jiff::civil::Date;

/// The 31 symbols of GB 32100-2015: no I, O, S, V, Z.
const CREDIT_SYMBOLS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// First two digits of GB/T 2260 codes in use, and 83 for residence permits of people from Taiwan.
const PROVINCES: [u32; 35] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54,
    61, 62, 63, 64, 65, 71, 81, 82, 83,
];

/// Whether the check digit of 18 symbols is that of ISO 7064 MOD 11-2: the weighted sum is 1 modulo 11.
pub(super) fn identity_check_holds(symbols: &[char]) -> bool {
    let values = symbols.iter().enumerate().map(|(at, c)| match c {
        'X' if at == 17 => Some(10),
        _ => c.to_digit(10),
    });
    let sum = values.rev().try_fold((0_u32, 1_u32), |(sum, weight), value| {
        Some(((sum + value? * weight) % 11, weight * 2 % 11))
    });
    symbols.len() == 18 && sum.is_some_and(|(sum, _)| sum == 1)
}

/// The check character for the first 17 digits of an identity number.
pub(super) fn identity_check(digits: &[char]) -> Option<char> {
    let sum = digits.iter().rev().try_fold((0_u32, 2_u32), |(sum, weight), c| {
        Some(((sum + c.to_digit(10)? * weight) % 11, weight * 2 % 11))
    });
    let (sum, _) = sum.filter(|_| digits.len() == 17)?;
    "0123456789X".chars().nth(usize::try_from((12 - sum) % 11).ok()?)
}

/// Whether the region is one of China and the day of birth one of the calendar, in a number of 18 symbols or of 15 digits.
pub(super) fn identity_is_plausible(symbols: &[char]) -> bool {
    let part = |from: usize, to: usize| number(symbols.get(from..to).unwrap_or_default());
    let (year, after) = match symbols.len() {
        18 => (part(6, 10), 10),
        15 => (part(6, 8).map(|year| 1900 + year), 8),
        _ => return false,
    };
    let born = (|| {
        let (month, day) = (part(after, after + 2)?, part(after + 2, after + 4)?);
        Date::new(i16::try_from(year?).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    })();
    let region = part(0, 2).is_some_and(|province| PROVINCES.contains(&province));
    region && part(2, 6).is_some() && born.is_some_and(|born| (1850..2100).contains(&born.year()))
}

fn number(digits: &[char]) -> Option<u32> {
    let value = super::cursor::value_of(digits).filter(|_| !digits.is_empty())?;
    u32::try_from(value).ok()
}

/// An identity number of 15 digits as one of 18 (GB 11643-1999, annex A); any other as it is.
pub(super) fn of_eighteen(identity: &str) -> String {
    let symbols: Vec<char> = identity.chars().collect();
    if symbols.len() != 15 {
        return identity.to_owned();
    }
    let mut longer: Vec<char> =
        symbols.iter().take(6).chain(&['1', '9']).chain(symbols.iter().skip(6)).copied().collect();
    longer.extend(identity_check(&longer));
    longer.into_iter().collect()
}

/// What a symbol of a unified social credit code counts.
fn credit_value(symbol: char) -> Option<u32> {
    CREDIT_SYMBOLS.chars().position(|c| c == symbol).and_then(|at| u32::try_from(at).ok())
}

/// Whether the check character of a unified social credit code holds (GB 32100-2015, 5.2): the sum, weighted by
/// powers of 3, and the check character make 0 modulo 31.
pub(super) fn credit_check_holds(symbols: &[char]) -> bool {
    let last = symbols.last().and_then(|c| credit_value(*c));
    let sum = symbols.iter().take(17).try_fold((0_u32, 1_u32), |(sum, weight), c| {
        Some(((sum + credit_value(*c)? * weight) % 31, weight * 3 % 31))
    });
    match (sum, last) {
        (Some((sum, _)), Some(last)) => symbols.len() == 18 && (sum + last) % 31 == 0,
        _ => false,
    }
}

/// Whether these 18 symbols have the shape of a unified social credit code: a registrar, a kind, six digits of region.
pub(super) fn credit_is_plausible(symbols: &[char]) -> bool {
    let first = symbols.first().is_some_and(|c| "123456789ANY".contains(*c));
    let region = symbols.get(2..8).is_some_and(|region| region.iter().all(char::is_ascii_digit));
    symbols.len() == 18 && first && region && symbols.iter().all(|c| credit_value(*c).is_some())
}

/// Whether the last digit is that of ISO/IEC 7812-1 (Luhn).
pub(super) fn card_check_holds(digits: &[char]) -> bool {
    let sum = digits.iter().rev().enumerate().try_fold(0_u32, |sum, (at, c)| {
        let digit = c.to_digit(10)?;
        let doubled = digit * 2;
        Some((sum + if at % 2 == 0 { digit } else { doubled / 10 + doubled % 10 }) % 10)
    });
    !digits.is_empty() && sum == Some(0) && digits.iter().any(|c| *c != '0')
}

/// Whether a card of a bank may begin like this: UnionPay 62, international schemes 3 to 6, old cards of China 9.
pub(super) fn card_is_plausible(digits: &[char]) -> bool {
    (16..=19).contains(&digits.len()) && digits.first().is_some_and(|c| "34569".contains(*c))
}

#[cfg(test)]
mod tests {
    use super::{card_check_holds, credit_check_holds, identity_check, identity_check_holds, of_eighteen};

    fn symbols(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn the_standards_examples_hold() {
        // GB 11643-1999 gives the first two.
        for right in ["11010519491231002X", "440524188001010014"] {
            assert!(identity_check_holds(&symbols(right)), "{right}");
            assert_eq!(identity_check(&symbols(&right[..17])), right.chars().last());
        }
        assert!(!identity_check_holds(&symbols("440106197803124512")));
        assert!(credit_check_holds(&symbols("91350100M000100Y43")), "GB 32100-2015, annex");
        assert!(!credit_check_holds(&symbols("91310115MA1K3X7P2T")));
        assert!(card_check_holds(&symbols("4111111111111111")));
        assert!(!card_check_holds(&symbols("6217001180012345678")));
        assert_eq!(of_eighteen("110105491231002"), "11010519491231002X");
    }
}
