use proptest::prelude::*;

use super::*;

fn fields(bytes: &[u8]) -> Result<Vec<Field<'_>>, Damaged> {
    Fields::of(bytes).collect()
}

#[test]
fn what_is_written_is_read() {
    let mut out = Vec::new();
    put_number(&mut out, 1, 300);
    put_bytes(&mut out, 2, b"text");
    put_double(&mut out, 3, 1.5);
    put_fixed64(&mut out, 4, u64::MAX);
    let read = fields(&out).unwrap();
    assert_eq!(
        read.iter().map(|f| f.number).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    assert_eq!(read[0].unsigned(), Ok(300));
    assert_eq!(read[1].text(), Ok("text"));
    assert_eq!(read[2].double(), Ok(1.5));
    assert_eq!(read[3].fixed64(), Ok(u64::MAX));
    assert_eq!(read[0].bytes(), Err(Damaged::Mismatch(1)));
    for cut in [1, 2, 4, 6, out.len() - 1] {
        assert_eq!(fields(&out[..cut]), Err(Damaged::Truncated), "cut at {cut}");
    }
}

#[test]
fn damage_is_named() {
    assert_eq!(fields(&[0x00, 0x01]), Err(Damaged::FieldNumber(0)));
    assert_eq!(fields(&[0x0b]), Err(Damaged::Group(1)));
    assert_eq!(fields(&[0x0c]), Err(Damaged::Group(1)));
    assert_eq!(fields(&[0x0e]), Err(Damaged::WireType(1, 6)));
    assert_eq!(fields(&[0xff; 12]), Err(Damaged::LongNumber));
    assert_eq!(fields(&[0x0a, 0x02, 0xff]), Err(Damaged::Truncated));
    let claimed = [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert_eq!(fields(&claimed), Err(Damaged::Truncated));
    assert_eq!(
        fields(&[0x0a, 0x01, 0xff]).unwrap()[0].text(),
        Err(Damaged::Text(1))
    );
}

#[test]
fn unknown_fields_of_every_width_are_passed_over() {
    let bytes = [0x7d, 1, 2, 3, 4, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x78, 0x05];
    assert_eq!(fields(&bytes).unwrap().len(), 3);
}

#[test]
fn repeated_numbers_are_read_packed_or_not() {
    let packed = fields(&[0x0a, 0x03, 0x01, 0xac, 0x02]).unwrap();
    let numbers: Result<Vec<u64>, _> = packed[0].numbers().unwrap().collect();
    assert_eq!(numbers, Ok(vec![1, 300]));
    let single = fields(&[0x08, 0x07]).unwrap();
    let numbers: Result<Vec<u64>, _> = single[0].numbers().unwrap().collect();
    assert_eq!(numbers, Ok(vec![7]));
    assert!(fields(&[0x0a, 0x01, 0x00]).unwrap()[0].doubles().is_err());
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for field in Fields::of(&bytes).flatten() {
            let _ = (field.text(), field.zigzag(), field.int());
            let _ = field.numbers().map(Iterator::count);
            let _ = field.doubles().map(Iterator::count);
        }
        let mut rest = &bytes[..];
        while delimited(&mut rest).is_some() {}
    }
}
