use proptest::prelude::*;

use super::*;
use crate::{Reject, graphite};

/// `pickle.dumps(points, protocol)` of Python 3.11 for protocols 0 to 5, where points is
/// `[("a.b.c", (1613707265, 1.5)), ("a.b;k=v", (1613707265.25, -2)), ("big", (-1, 2**70)),
///   ("s", ("1613707265", "7.5")), ("höhe", (1613707265, True))]`.
const GOLDEN: [&str; 6] = [
    "286c70300a2856612e622e630a70310a2849313631333730373236350a46312e350a7470320a7470330a612856612e623b6b3d760a70340a2846313631333730373236352e32350a492d320a7470350a7470360a6128566269670a70370a28492d310a4c313138303539313632303731373431313330333432344c0a7470380a7470390a612856730a7031300a2856313631333730373236350a7031310a56372e350a7031320a747031330a747031340a61285668f668650a7031350a2849313631333730373236350a4930310a747031360a747031370a612e",
    "5d710028285805000000612e622e637101284a01382f60473ff8000000000000747102747103285807000000612e623b6b3d767104284741d80bce005000004afeffffff7471057471062858030000006269677107284affffffff4c313138303539313632303731373431313330333432344c0a74710874710928580100000073710a28580a00000031363133373037323635710b5803000000372e35710c74710d74710e28580500000068c3b66865710f284a01382f604930310a747110747111652e",
    "80025d7100285805000000612e622e6371014a01382f60473ff80000000000008671028671035807000000612e623b6b3d7671044741d80bce005000004afeffffff867105867106580300000062696771074affffffff8a09000000000000000040867108867109580100000073710a580a00000031363133373037323635710b5803000000372e35710c86710d86710e580500000068c3b66865710f4a01382f6088867110867111652e",
    "80035d7100285805000000612e622e6371014a01382f60473ff80000000000008671028671035807000000612e623b6b3d7671044741d80bce005000004afeffffff867105867106580300000062696771074affffffff8a09000000000000000040867108867109580100000073710a580a00000031363133373037323635710b5803000000372e35710c86710d86710e580500000068c3b66865710f4a01382f6088867110867111652e",
    "80049582000000000000005d94288c05612e622e63944a01382f60473ff8000000000000869486948c07612e623b6b3d76944741d80bce005000004afeffffff869486948c03626967944affffffff8a09000000000000000040869486948c0173948c0a31363133373037323635948c03372e3594869486948c0568c3b66865944a01382f608886948694652e",
    "80059582000000000000005d94288c05612e622e63944a01382f60473ff8000000000000869486948c07612e623b6b3d76944741d80bce005000004afeffffff869486948c03626967944affffffff8a09000000000000000040869486948c0173948c0a31363133373037323635948c03372e3594869486948c0568c3b66865944a01382f608886948694652e",
];

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Each point as `series=value@ms`, each refusal as its reason.
fn told(payload: &[u8]) -> Result<Vec<String>, Reject> {
    let batch = parse(payload)?;
    let one = |point: Result<Point<'_>, Reject>| {
        let point = point?;
        let key = graphite::series_key(&point.path)?;
        let time = point.timestamp_ms.map(|ms| format!("@{ms}"));
        Ok(format!("{key}={}{}", point.value, time.unwrap_or_default()))
    };
    let told = |told: Result<String, Reject>| told.unwrap_or_else(|reject| reject.to_string());
    Ok(batch.points().map(|point| told(one(point))).collect())
}

/// A pickle of protocol 2 around opcodes that make one list's only point.
fn one(point: &[u8]) -> Result<String, Reject> {
    let program = [b"\x80\x02]", point, b"a."].concat();
    told(&program).map(|told| told[0].clone())
}

#[test]
fn what_python_pickles_in_every_protocol() {
    for (protocol, payload) in GOLDEN.iter().enumerate() {
        let expected = [
            "a.b.c=1.5@1613707265000",
            r#"a.b{k="v"}=-2@1613707265250"#,
            "big=1180591620717411300000",
            "s=7.5@1613707265000",
            "h\u{f6}he=1@1613707265000",
        ];
        let told = told(&bytes(payload)).unwrap();
        assert_eq!(told, expected, "protocol {protocol}");
    }
}

#[test]
fn shapes_that_other_clients_send() {
    let point = Ok(vec!["a=2@1613707265000".to_owned()]);
    // [["a", [1613707265, 2]]], lists throughout.
    assert_eq!(
        told(&bytes(
            "80025d71005d71012858010000006171025d7103284a01382f604b026565612e"
        )),
        point
    );
    // A tuple of points.
    assert_eq!(
        told(b"\x80\x04\x8c\x01aJ\x01\x38\x2f\x60K\x02\x86\x86\x85."),
        point
    );
    // Python 2: strings of bytes in protocols 0, 1 and 2; a list made behind its members.
    assert_eq!(
        told(b"(lp0\n(S'a'\np1\n(I1613707265\nI2\ntp2\ntp3\na."),
        point
    );
    assert_eq!(told(b"](U\x01a(J\x01\x38\x2f\x60K\x02ttq\x01a."), point);
    assert_eq!(
        told(b"((T\x01\x00\x00\x00aJ\x01\x38\x2f\x60K\x02\x86tl."),
        point
    );
    // Paths of bytes: [(b"a.b", (1613707265, 1))] in protocol 3.
    assert_eq!(
        told(&bytes(
            "80035d71004303612e6271014a01382f604b01867102867103612e"
        )),
        Ok(vec!["a.b=1@1613707265000".to_owned()])
    );
    // One (timestamp, value) under two paths is remembered once.
    assert_eq!(
        told(&bytes(
            "80025d71002858010000006171014a01382f604b0386710286710358010000006271046802867105652e"
        )),
        Ok(vec![
            "a=3@1613707265000".to_owned(),
            "b=3@1613707265000".to_owned()
        ])
    );
    assert_eq!(told(b"]."), Ok(vec![]));
}

#[test]
fn numbers_of_every_opcode() {
    let cases: [(&[u8], &str); 16] = [
        (b"J\xff\xff\xff\x7f", "2147483647"),
        (b"J\0\0\0\x80", "-2147483648"),
        (b"K\xff", "255"),
        (b"M\xff\xff", "65535"),
        (b"\x8a\0", "0"),
        (b"\x8a\x05\0\0\0\x80\0", "2147483648"),
        (b"\x8a\x08\0\0\0\0\0\0\0\x80", "-9223372036854776000"),
        (b"\x8b\x01\0\0\0\xff", "-1"),
        (
            b"\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
            "not_finite",
        ),
        (b"I-7\n", "-7"),
        (b"L-7L\n", "-7"),
        (b"F1e3\n", "1000"),
        (b"F1e309\n", "not_finite"),
        (b"G\x7f\xf8\0\0\0\0\0\0", "not_finite"),
        (b"\x89", "0"),
        (b"N", "bad_value"),
    ];
    for (opcodes, value) in cases {
        let point = [b"U\x01aK\x01".as_slice(), opcodes, b"\x86\x86"].concat();
        let told = one(&point).unwrap();
        assert_eq!(
            told.trim_start_matches("a=").trim_end_matches("@1000"),
            value,
            "{opcodes:?}"
        );
    }
}

#[test]
fn texts_spelt_with_escapes() {
    let path = |opcodes: &[u8]| {
        let program = [b"(l(".as_slice(), opcodes, b"(I1\nI1\ntta."].concat();
        let batch = parse(&program).unwrap();
        batch
            .points()
            .next()
            .unwrap()
            .map(|point| point.path.into_owned())
    };
    // Python 3, protocol 0, of "a\\b\nc\u20ac".
    assert_eq!(
        path(b"Va\\u005cb\\u000ac\\u20ac\n"),
        Ok("a\\b\nc\u{20ac}".as_bytes().to_vec())
    );
    assert_eq!(
        path(b"V\\U0001f600\xe9\\x\n"),
        Ok("\u{1f600}\u{e9}\\x".as_bytes().to_vec())
    );
    assert_eq!(
        path(b"S'a\\'b\\\\c\\n\\x41\\t\\r'\n"),
        Ok(b"a'b\\c\nA\t\r".to_vec())
    );
    assert_eq!(path(b"S\"it's\"\n"), Ok(b"it's".to_vec()));
    for bad in [
        b"V\\u12\n".as_slice(),
        b"V\\ud800\n",
        b"V\\uzzzz\n",
        b"S'\\q'\n",
        b"S'\\x4'\n",
        b"S'\\'\n",
    ] {
        assert_eq!(path(bad), Err(Reject::BadText), "{bad:?}");
    }
}

#[test]
fn a_bad_point_costs_no_neighbour() {
    let cases: [(&[u8], &str); 12] = [
        (b"N", "malformed"),
        (b"U\x01a", "malformed"),
        (b")", "malformed"),
        (b"K\x01K\x02K\x03\x86\x86", "malformed"),
        (b"U\x01aK\x01\x86", "malformed"),
        (b"U\x01aK\x01\x85\x86", "malformed"),
        (b"U\x01aK\0K\x03\x86\x86", "bad_timestamp"),
        (b"U\x01aU\x01xK\x03\x86\x86", "bad_timestamp"),
        (b"U\x01aJ\xfe\xff\xff\xffK\x03\x86\x86", "bad_timestamp"),
        (b"U\x01aK\x01U\x03nan\x86\x86", "not_finite"),
        (b"U\x01aK\x01]\x86\x86", "bad_value"),
        (b"U\x02a\nK\x01K\x03\x86\x86", "bad_text"),
    ];
    for (opcodes, reason) in cases {
        let good = b"U\x01bK\x01K\x02\x86\x86".as_slice();
        let program = [b"](", good, opcodes, good, b"e."].concat();
        assert_eq!(
            told(&program).unwrap(),
            ["b=2@1000", reason, "b=2@1000"],
            "{opcodes:?}"
        );
    }
    // A third member of a point, and text around a number: carbon takes both.
    assert_eq!(
        one(b"U\x01aK\x01U\x03 5 N\x87\x86"),
        Ok("a=5@1000".to_owned())
    );
}

/// FAULTS 9: what `os.system` inside a point looks like.
#[test]
fn code_is_refused() {
    let evil = [
        "286c70300a2856610a70310a2849313631333730373236350a63706f7369780a73797374656d0a70320a2856746f756368202f746d702f70776e65640a70330a7470340a5270350a7470360a7470370a612e",
        "80025d710058010000006171014a01382f6063706f7369780a73797374656d0a71025810000000746f756368202f746d702f70776e65647103857104527105867106867107612e",
        "8004953b000000000000005d948c0161944a01382f608c05706f736978948c0673797374656d9493948c10746f756368202f746d702f70776e6564948594529486948694612e",
    ];
    for payload in evil {
        assert_eq!(parse(&bytes(payload)).unwrap_err(), Reject::Unsupported);
    }
    let opcodes = b"PQcRbio\x81\x82\x83\x84\x92\x93\x97\x98d}su\x8f\x90\x91\x96";
    for opcode in opcodes {
        let program = [b"](NN", [*opcode].as_slice(), b"\0\0\0\0\0\0\0\0\n."].concat();
        assert_eq!(
            parse(&program).unwrap_err(),
            Reject::Unsupported,
            "{opcode:#x}"
        );
    }
    for opcode in [0_u8, b'A', b'z', 0x7f, 0x99, 0xff] {
        assert_eq!(parse(&[b']', opcode, b'.']).unwrap_err(), Reject::Malformed);
    }
}

/// FAULTS 9.
#[test]
fn depth_and_circles_cost_nothing() {
    let deep = [b"]".repeat(100_000), b"a".repeat(99_999), b".".to_vec()].concat();
    assert_eq!(told(&deep), Ok(vec!["malformed".to_owned()]));
    let deep = [b"N".to_vec(), b"\x85".repeat(100_000), b".".to_vec()].concat();
    assert_eq!(told(&deep), Ok(vec!["malformed".to_owned()]));
    // l = []; l.append(l)
    assert_eq!(
        told(&bytes("80025d71006800612e")),
        Ok(vec!["malformed".to_owned()])
    );
}

/// FAULTS 9.
#[test]
fn tables_are_bounded() {
    let over = |program: Vec<u8>| parse(&program).unwrap_err();
    assert_eq!(over(b"N".repeat(MAX_STACK + 1)), Reject::OverLimit);
    assert_eq!(over(b"(".repeat(MAX_STACK + 1)), Reject::OverLimit);
    assert_eq!(over(b"]0".repeat(MAX_VALUES + 1)), Reject::OverLimit);
    assert_eq!(
        over(b"NNN\x870".repeat(MAX_VALUES / 3 + 1)),
        Reject::OverLimit
    );
    let list = [b"]".to_vec(), b"Na".repeat(MAX_VALUES + 1)].concat();
    assert_eq!(over(list), Reject::OverLimit);
    let memo = [b"N".to_vec(), b"\x94".repeat(MAX_MEMO + 1)].concat();
    assert_eq!(over(memo), Reject::OverLimit);
    assert_eq!(over(b"Nr\xff\xff\xff\xff.".to_vec()), Reject::OverLimit);
    assert_eq!(over(b"Np4294967296\n.".to_vec()), Reject::OverLimit);
    assert_eq!(over(vec![b'N'; MAX_PAYLOAD_BYTES + 1]), Reject::TooLong);
}

#[test]
fn broken_pickles() {
    let cases: [&[u8]; 22] = [
        b"",
        b".",
        b"]",
        b"(.",
        b"K",
        b"K\x01.",
        b"U\x05ab.",
        b"X\xff\xff\xff\xff.",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"T\xff\xff\xff\xffa.",
        b"t.",
        b"l.",
        b"e.",
        b"a.",
        b"]a.",
        b"N(\x86.",
        b"(q\0.",
        b"h\0.",
        b"Nq\x05h\x01.",
        b"Ix\n.",
        b"S'a\n.",
        b"\x95\0\0\0",
    ];
    for program in cases {
        assert_eq!(
            parse(program).unwrap_err(),
            Reject::Malformed,
            "{program:?}"
        );
    }
    for payload in GOLDEN.map(bytes) {
        for end in 0..payload.len() {
            assert!(parse(&payload[..end]).is_err());
        }
    }
}

/// FAULTS 9: a length of 2^31.
#[test]
fn a_length_is_refused_before_anything_is_kept() {
    assert_eq!(payload(b"\0\0\0"), Ok(None));
    assert_eq!(
        payload(b"\0\0\0\x02ab\0\0"),
        Ok(Some((b"ab".as_slice(), 6)))
    );
    assert_eq!(payload(b"\0\0\0\x03ab"), Ok(None));
    assert_eq!(payload(b"\0\x10\0\0"), Ok(None));
    assert_eq!(payload(b"\0\x10\0\x01"), Err(Reject::TooLong));
    assert_eq!(payload(b"\x80\0\0\0"), Err(Reject::TooLong));
    // A line of the plaintext protocol on this port.
    assert_eq!(payload(b"a.b 1 2\n"), Err(Reject::TooLong));
}

proptest! {
    #[test]
    fn hostile_payloads_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = told(&bytes);
        let _ = payload(&bytes);
    }

    /// Opcodes at random get further than bytes at random.
    #[test]
    fn hostile_programs_never_panic(
        opcodes in prop::collection::vec(prop::sample::select(b"()].0121NKa\x01bleatqh\x02\x85\x86\x87\x94\x88G".to_vec()), 0..200),
    ) {
        let _ = told(&opcodes);
    }

    #[test]
    fn one_changed_byte_never_panics(protocol in 0_usize..6, place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut payload = bytes(GOLDEN[protocol]);
        let place = place.index(payload.len());
        payload[place] = byte;
        let _ = told(&payload);
    }
}
