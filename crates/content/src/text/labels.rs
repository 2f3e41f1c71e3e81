use encoding_rs::Encoding;

use super::charset::{Charset, Kind};

/// WHATWG's labels, then Python's.
pub(super) fn find(label: &str) -> Option<Charset> {
    // The longest name of either is 29 bytes.
    if label.len() > 40 || !label.is_ascii() {
        return None;
    }
    let lower = label.to_ascii_lowercase();
    if ["utf-16", "unicode", "utf_16", "u16", "utf16"].contains(&&*lower) {
        return Some(Charset(Kind::Utf16));
    }
    let standard = |label: &str| Encoding::for_label(label.as_bytes()).map(Charset::from);
    if let Some(charset) = standard(&lower) {
        return Some(charset);
    }
    // Python takes hyphens, underscores and spaces for one and the same.
    let name = lower.replace(['-', ' '], "_");
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    match alias {
        Some((_, "utf-8-sig")) => Some(Charset::UTF_8_SIG),
        Some((_, label)) => standard(label),
        None => standard(&name)
            .or_else(|| standard(&name.replace('_', "-")))
            .or_else(|| standard(&name.replacen("iso8859_", "iso-8859-", 1)))
            .or_else(|| standard(&name.replace('_', ""))),
    }
}

/// Names of Python's `encodings.aliases` that come to no WHATWG label by their punctuation alone,
/// and the label that they stand for.
const ALIASES: &[(&str, &str)] = &[
    ("utf_8_sig", "utf-8-sig"),
    ("u8", "utf-8"),
    ("utf", "utf-8"),
    ("utf8_ucs2", "utf-8"),
    ("utf8_ucs4", "utf-8"),
    ("cp65001", "utf-8"),
    ("utf_16_le", "utf-16le"),
    ("utf_16le", "utf-16le"),
    ("unicodelittleunmarked", "utf-16le"),
    ("utf_16_be", "utf-16be"),
    ("utf_16be", "utf-16be"),
    ("unicodebigunmarked", "utf-16be"),
    ("646", "ascii"),
    ("ansi_x3.4_1986", "ascii"),
    ("ansi_x3_4_1968", "ascii"),
    ("cp367", "ascii"),
    ("ibm367", "ascii"),
    ("iso646_us", "ascii"),
    ("iso_646.irv_1991", "ascii"),
    ("us", "ascii"),
    ("8859", "latin1"),
    ("l6", "iso-8859-10"),
    ("latin", "latin1"),
    ("latin_9", "iso-8859-15"),
    ("latin9", "iso-8859-15"),
    ("latin8", "iso-8859-14"),
    ("latin7", "iso-8859-13"),
    ("latin10", "iso-8859-16"),
    ("l7", "iso-8859-13"),
    ("l8", "iso-8859-14"),
    ("l10", "iso-8859-16"),
    ("iso_8859_14_1998", "iso-8859-14"),
    ("iso_8859_16_2001", "iso-8859-16"),
    ("iso_celtic", "iso-8859-14"),
    ("iso_ir_199", "iso-8859-14"),
    ("iso_ir_226", "iso-8859-16"),
    ("iso_ir_166", "windows-874"),
    ("iso_8859_11", "windows-874"),
    ("thai", "windows-874"),
    ("tis620", "windows-874"),
    ("tis_620_0", "windows-874"),
    ("tis_620_2529_0", "windows-874"),
    ("tis_620_2529_1", "windows-874"),
    ("iso8859_11_2001", "windows-874"),
    ("cp874", "windows-874"),
    ("1250", "windows-1250"),
    ("1251", "windows-1251"),
    ("1252", "windows-1252"),
    ("1253", "windows-1253"),
    ("1254", "windows-1254"),
    ("1255", "windows-1255"),
    ("1256", "windows-1256"),
    ("1257", "windows-1257"),
    ("1258", "windows-1258"),
    ("macroman", "macintosh"),
    ("mac_roman", "macintosh"),
    ("maccyrillic", "x-mac-cyrillic"),
    ("mac_cyrillic", "x-mac-cyrillic"),
    ("936", "gbk"),
    ("cp936", "gbk"),
    ("ms936", "gbk"),
    ("euccn", "gbk"),
    ("euc_cn", "gbk"),
    ("eucgb2312_cn", "gbk"),
    ("gb2312_1980", "gbk"),
    ("gb18030_2000", "gb18030"),
    ("950", "big5"),
    ("cp950", "big5"),
    ("ms950", "big5"),
    ("big5_tw", "big5"),
    ("big5_hkscs", "big5-hkscs"),
    ("big5hkscs", "big5-hkscs"),
    ("hkscs", "big5-hkscs"),
    ("932", "shift_jis"),
    ("cp932", "shift_jis"),
    ("ms932", "shift_jis"),
    ("mskanji", "shift_jis"),
    ("ms_kanji", "shift_jis"),
    ("shiftjis", "shift_jis"),
    ("s_jis", "shift_jis"),
    ("windows_31j", "shift_jis"),
    ("eucjp", "euc-jp"),
    ("ujis", "euc-jp"),
    ("u_jis", "euc-jp"),
    ("iso2022jp", "iso-2022-jp"),
    ("iso2022_jp", "iso-2022-jp"),
    ("949", "euc-kr"),
    ("cp949", "euc-kr"),
    ("ms949", "euc-kr"),
    ("uhc", "euc-kr"),
    ("euckr", "euc-kr"),
    ("ksc5601", "euc-kr"),
    ("ks_c_5601", "euc-kr"),
    ("ksx1001", "euc-kr"),
    ("ks_x_1001", "euc-kr"),
    ("cp866", "ibm866"),
];
