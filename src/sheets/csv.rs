//! CSV (RFC 4180) that spreadsheet programs open without harm: whatever would be a formula there is text.

use csv::{QuoteStyle, Terminator, WriterBuilder};

use super::{Column, Error};

/// Tells spreadsheet programs that it is UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// A cell that begins so is taken for a formula (OWASP, CSV injection); the full-width ones count, too.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

pub(super) fn write(columns: &[Column], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, Error> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(BYTE_ORDER_MARK.to_vec());
    let wrong = |error: csv::Error| Error(error.to_string());
    writer.write_record(columns.iter().map(|column| harmless(column.head.clone()))).map_err(wrong)?;
    for row in rows {
        writer.write_record(row.into_iter().map(harmless)).map_err(wrong)?;
    }
    writer.into_inner().map_err(|error| Error(error.to_string()))
}

/// The cell with an apostrophe before what would make a formula of it.
fn harmless(cell: String) -> String {
    if cell.starts_with(FORMULA) && !is_negative(&cell) { format!("'{cell}") } else { cell }
}

/// A whole number below nothing is no formula, and sums have to be made of it.
fn is_negative(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').filter(|digits| (1..=18).contains(&digits.len()));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{super::Column, write};

    fn table(rows: &[&[&str]]) -> Vec<u8> {
        let columns = ["客户", "a,b"].map(|head| Column { head: head.into(), width_chars: 10 });
        let rows = rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect());
        write(&columns, rows).unwrap()
    }

    #[test]
    fn it_is_rfc_4180_with_a_byte_order_mark() {
        let bytes = table(&[&["张三", "说\"好\"\n,"], &["", "x"]]);
        let expected = "\u{feff}客户,\"a,b\"\r\n张三,\"说\"\"好\"\"\n,\"\r\n,x\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn a_whole_number_stays_a_number() {
        let bytes = table(&[&["-2", "-2+3"], &["-", "+2"], &["－2", "-2.5"]]);
        let expected = "\u{feff}客户,\"a,b\"\r\n-2,'-2+3\r\n'-,'+2\r\n'－2,'-2.5\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn no_cell_is_a_formula() {
        for begins in ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"] {
            let evil = format!("{begins}cmd|' /C calc'!A0");
            let bytes = table(&[&[&evil, &format!("a{evil}")]]);
            let mut reader = csv::Reader::from_reader(&bytes[3..]);
            let row = reader.records().next().unwrap().unwrap();
            assert_eq!((&row[0], &row[1]), (&*format!("'{evil}"), &*format!("a{evil}")), "{begins:?}");
        }
    }
}
