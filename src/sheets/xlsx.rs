//! XLSX as a clerk likes it: the head stays in sight and filters, columns have their widths, every cell is text.
//!
//! The workbook is made in memory alone: the writer's mode with constant memory would put rows into temporary files.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, XlsxError};

use super::{Column, Error};

/// The most that a cell holds, in UTF-16 units.
const CELL_UNITS: usize = 32_767;

pub(super) fn write(
    title: &str,
    columns: &[Column],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<Vec<u8>, Error> {
    make(title, columns, rows).map_err(|error| Error(error.to_string()))
}

fn make(
    title: &str,
    columns: &[Column],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // When it was made stands in the log; the file itself says the same whenever it is made.
    book.set_properties(&DocProperties::new().set_creation_datetime(&ExcelDateTime::from_ymd(2000, 1, 1)?));
    let sheet = book.add_worksheet();
    sheet.set_name(title)?;
    let head = Format::new().set_bold();
    let cell = Format::new().set_num_format("@").set_align(FormatAlign::Top).set_text_wrap();
    for (column, number) in columns.iter().zip(0_u16..) {
        sheet.set_column_width(number, f64::from(column.width_chars))?;
        sheet.write_string_with_format(0, number, &column.head, &head)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    let mut last = 0;
    for (row, number) in rows.zip(1_u32..) {
        for (text, column) in row.iter().zip(0_u16..) {
            sheet.write_string_with_format(number, column, fitting(text), &cell)?;
        }
        last = number;
    }
    let last_column = u16::try_from(columns.len()).unwrap_or(u16::MAX).saturating_sub(1);
    sheet.autofilter(0, 0, last, last_column)?;
    book.save_to_buffer()
}

/// As much of a text as a cell holds.
fn fitting(text: &str) -> &str {
    let mut units = 0;
    let beyond = text.char_indices().find(|(_, char)| {
        units += char.len_utf16();
        units > CELL_UNITS
    });
    beyond.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::{super::Column, write};

    fn part(book: &[u8], name: &str) -> String {
        let mut archive = zip::ZipArchive::new(Cursor::new(book)).unwrap();
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn cells_are_text_and_the_head_stays() {
        let columns = ["客户", "页"].map(|head| Column { head: head.into(), width_chars: 12 });
        let rows = [["=1+1", "007"], ["<张三> & \"b\"", "12"]];
        let rows = rows.into_iter().map(|row| row.map(str::to_owned).to_vec());
        let book = write("检索结果", &columns, rows).unwrap();
        let sheet = part(&book, "xl/worksheets/sheet1.xml");
        assert!(!sheet.contains("<f>") && !sheet.contains("t=\"n\""), "{sheet}");
        assert_eq!(sheet.matches("t=\"s\"").count(), 6, "{sheet}");
        for said in ["state=\"frozen\"", "<autoFilter ref=\"A1:B3\"/>", "customWidth=\"1\""] {
            assert!(sheet.contains(said), "{said}: {sheet}");
        }
        let texts = part(&book, "xl/sharedStrings.xml");
        for said in [">=1+1<", ">007<", "&lt;张三&gt; &amp; \"b\""] {
            assert!(texts.contains(said), "{said}: {texts}");
        }
        assert!(part(&book, "xl/workbook.xml").contains("检索结果"));
        assert!(part(&book, "xl/styles.xml").contains("<b/>"));
    }

    #[test]
    fn a_table_without_rows_and_a_cell_that_is_too_long_are_written() {
        let columns = [Column { head: "a".into(), width_chars: 5 }];
        assert!(!write("a", &columns, std::iter::empty()).unwrap().is_empty());
        let long = "𠮷".repeat(20_000);
        let book = write("a", &columns, std::iter::once(vec![long])).unwrap();
        let texts = part(&book, "xl/sharedStrings.xml");
        assert_eq!(texts.matches('𠮷').count(), 16_383);
    }
}
