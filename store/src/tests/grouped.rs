//! What is handed over by group is what a selection holds: from the head, from tables and from both, whoever takes it.

use super::*;

/// Keeps what it is handed.
#[derive(Default)]
struct Kept(Vec<(usize, Vec<i64>, Vec<f64>)>);

impl Taker for Kept {
    fn take(&mut self, group: usize, times_ms: &[i64], values: &[f64]) -> Result<(), Limit> {
        self.0.push((group, times_ms.to_vec(), values.to_vec()));
        Ok(())
    }
}

/// Wants no more than so many series.
struct Few(usize);

impl Taker for Few {
    fn take(&mut self, _: usize, _: &[i64], _: &[f64]) -> Result<(), Limit> {
        self.0 = self.0.checked_sub(1).ok_or("enough")?;
        Ok(())
    }
}

const RANGE: (i64, i64) = (T0 + 1_000, T0 + 40_000);

fn all() -> Matcher {
    Matcher::new("region", MatchOp::Regex, ".+")
}

fn by(labels: &[String]) -> Grouping<'_> {
    Grouping {
        labels,
        without: false,
        name: false,
        one_name: false,
        most: 100,
    }
}

impl House {
    /// Two metrics of some hosts in three regions, in the order of hosts; round by round.
    fn fleet(&self, hosts: usize, rounds: std::ops::Range<i64>, more: f64) {
        let mut series = Vec::new();
        for host in 0..hosts {
            for name in ["b", "a"] {
                let (region, host) = (format!("r{}", host % 3), format!("h{host}"));
                let labels = [("host", host.as_str()), ("region", region.as_str())];
                let key = SeriesKey::new(name, labels).unwrap();
                series.push(self.store().resolve(&key).unwrap());
            }
        }
        let mut points = Points::default();
        for round in rounds {
            for (place, one) in series.iter().enumerate() {
                let value = place as f64 * 0.25 + round as f64 + more;
                points.push(*one, T0 + round * 10_000, value);
            }
        }
        self.put(points);
    }

    fn put(&self, points: Points) {
        let (send, receive) = channel();
        let write = Write {
            origin: None,
            chain: None,
            points,
            done: Box::new(move |result| send.send(result).unwrap()),
        };
        assert!(self.store().append(write).is_ok());
        receive.recv().unwrap().unwrap();
    }

    fn grouped(&self, by: Grouping<'_>, wish: Wish) -> Option<(Vec<GroupLabels>, Vec<Kept>)> {
        let mut kept = vec![Kept::default(), Kept::default()];
        let mut takers: Vec<&mut dyn Taker> = kept.iter_mut().map(|one| one as _).collect();
        let (matchers, store) = ([all()], self.store());
        let labels = store.grouped(&matchers, RANGE, wish, by, &mut takers, &NoLimits);
        Some((labels.unwrap()?, kept))
    }

    /// The samples by region: as handed over, and as selected.
    fn both_ways(&self, wish: Wish) -> [BTreeMap<String, Vec<(i64, u64)>>; 2] {
        let regions = ["region".to_owned()];
        let (labels, kept) = self.grouped(by(&regions), wish).unwrap();
        let mut handed: BTreeMap<String, Vec<(i64, u64)>> = BTreeMap::new();
        for (group, times, values) in kept.into_iter().flat_map(|one| one.0) {
            let [(label, region)] = labels[group].as_slice() else {
                panic!("{labels:?}");
            };
            assert_eq!(label, "region");
            let samples = times.into_iter().zip(values.into_iter().map(f64::to_bits));
            handed.entry(region.clone()).or_default().extend(samples);
        }
        let mut selected: BTreeMap<String, Vec<(i64, u64)>> = BTreeMap::new();
        let (from_ms, to_ms) = RANGE;
        let found = self
            .store()
            .select(&[all()], from_ms, to_ms, wish, &NoLimits);
        for one in found.unwrap().series {
            let values = one.columns.values.into_iter().map(f64::to_bits);
            let samples = one.columns.times_ms.into_iter().zip(values);
            let region = one.key.get("region").unwrap().to_owned();
            selected.entry(region).or_default().extend(samples);
        }
        let sorted = |mut map: BTreeMap<String, Vec<(i64, u64)>>| {
            map.values_mut().for_each(|samples| samples.sort_unstable());
            map
        };
        [sorted(handed), sorted(selected)]
    }
}

#[test]
fn what_is_handed_over_is_what_is_selected() {
    // Few for one thread, many for two.
    for hosts in [40, 5_000] {
        let house = House::new();
        house.fleet(hosts, 0..3, 0.0);
        let [handed, selected] = house.both_ways(Wish::RAW);
        assert_eq!(handed.len(), 3);
        // The first round lies before the range.
        let samples: usize = handed.values().map(Vec::len).sum();
        assert_eq!(samples, hosts * 2 * 2);
        assert_eq!(handed, selected);
        let now_ms = house.pass(1_000);
        house.store().flush(now_ms).unwrap();
        let [handed, selected] = house.both_ways(Wish::RAW);
        assert_eq!(handed, selected);
        // Another value for the last round and two later ones lie in the head over tables.
        house.fleet(hosts, 2..5, 0.5);
        let [handed, selected] = house.both_ways(Wish::RAW);
        assert_eq!(handed, selected);
        house.store().flush(house.pass(1_000)).unwrap();
        let counts = Wish {
            aspect: Aspect::Count,
            ..Wish::RAW
        };
        let [handed, selected] = house.both_ways(counts);
        assert!(handed.values().flatten().all(|one| one.1 == 1f64.to_bits()));
        assert_eq!(handed, selected);
    }
}

#[test]
fn groups_are_told_by_the_labels_that_are_kept() {
    let house = House::new();
    house.fleet(6, 1..2, 0.0);
    let groups = |labels: &[&str], change: fn(&mut Grouping<'_>)| {
        let labels: Vec<String> = labels.iter().map(|one| (*one).to_owned()).collect();
        let mut by = by(&labels);
        change(&mut by);
        let mut found = house.grouped(by, Wish::RAW)?.0;
        found.sort();
        Some(found)
    };
    let pair = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    let regions = ["r0", "r1", "r2"].map(|one| vec![pair("region", one)]);
    assert_eq!(groups(&["region", "no"], |_| {}).unwrap(), regions);
    assert_eq!(groups(&["host"], |by| by.without = true).unwrap(), regions);
    assert_eq!(groups(&[], |_| {}).unwrap(), [vec![]]);
    let names = ["a", "b"].map(|one| vec![pair("__name__", one)]);
    assert_eq!(groups(&["__name__"], |by| by.name = true).unwrap(), names);
    assert_eq!(groups(&["host"], |_| {}).unwrap().len(), 6);
    assert_eq!(groups(&["host"], |by| by.most = 5), None);
    assert_eq!(groups(&["host"], |by| by.one_name = true), None);
}

#[test]
fn what_is_no_raw_float_is_not_handed_over() {
    let house = House::new();
    house.fleet(6, 1..2, 0.0);
    let key = SeriesKey::new("h", [("region", "r9")]).unwrap();
    let series = house.store().resolve(&key).unwrap();
    let mut histogram = Histogram::new();
    histogram.record(5.0, 2).unwrap();
    let mut points = Points::default();
    points.push_histogram(series, T0 + 2_000, &histogram);
    house.put(points);
    assert!(house.grouped(by(&[]), Wish::RAW).is_none());
}

#[test]
fn a_takers_refusal_ends_the_read() {
    let house = House::new();
    house.fleet(6_000, 1..2, 0.0);
    for few in [0, 5, 5_999] {
        let (mut one, mut other) = (Few(few), Few(usize::MAX));
        let mut takers: [&mut dyn Taker; 2] = [&mut one, &mut other];
        let (matchers, store) = ([all()], house.store());
        let found = store.grouped(&matchers, RANGE, Wish::RAW, by(&[]), &mut takers, &NoLimits);
        let Err(StoreError::Stopped(why)) = found else {
            panic!("{found:?}");
        };
        assert_eq!(why.to_string(), "enough");
    }
}
