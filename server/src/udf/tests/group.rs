//! Group functions of a sample module, and what comes back from one that lies.

use arrow::array::{Array, DurationMicrosecondArray, Int32Array, TimestampMicrosecondArray, new_null_array};

use super::*;
use crate::udf::memory::Memory;

fn times(values: &[i64]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values.to_vec()).with_timezone("UTC"))
}

fn input<'a>(
    states: &'a [ArrayRef],
    (rows, row_groups): (&'a [ArrayRef], &'a Int32Array),
    timers: &'a Timers,
    fired: &'a Timers,
) -> GroupInput<'a> {
    GroupInput { watermark_us: Some(0), time_us: 0, keys: &[], states, rows, row_groups, timers, fired }
}

#[test]
fn rows_and_timers_go_in_and_rows_states_and_timers_come_out() {
    let group = module("sessions").group("sessions").unwrap();
    let states = [new_null_array(group.state()[0].data_type(), 3)];
    let rows: [ArrayRef; 2] =
        [times(&[5, 7, 100]), Arc::new(DurationMicrosecondArray::from(vec![10_i64; 3]))];
    let (none, owners) = (Timers::default(), Int32Array::from(vec![0, 0, 2]));
    let mut guest = group.open(MOMENT).unwrap();
    let output = guest.process(&input(&states, (&rows, &owners), &none, &none)).unwrap();
    assert_eq!(output.timers, Timers { groups: vec![0, 2], times: vec![17, 110] });
    assert_eq!((output.rows[0].len(), output.states[0].is_null(1)), (0, true));

    // The first timer is over, the second one runs on.
    let no_rows: [ArrayRef; 2] = [rows[0].slice(0, 0), rows[1].slice(0, 0)];
    let fired = Timers { groups: vec![0], times: vec![17] };
    let running = Timers { groups: vec![2], times: vec![110] };
    let no_owners = Int32Array::from(Vec::<i32>::new());
    let output = guest.process(&input(&output.states, (&no_rows, &no_owners), &running, &fired)).unwrap();
    assert_eq!(output.timers, running);
    assert_eq!(
        (output.row_groups.values().to_vec(), output.rows[1].as_ref()),
        (vec![0], times(&[17]).as_ref())
    );
    assert!(output.states[0].is_null(0) && output.states[0].is_valid(2));
}

/// A guest's memory with the result of `sessions` for two groups at 8: one row, one state, two timers.
fn image() -> Vec<u8> {
    let mut image = vec![0; 40];
    let mut words = |words: &[u32]| -> u32 {
        image.resize(image.len().next_multiple_of(8), 0);
        let at = image.len() as u32;
        words.iter().for_each(|word| image.extend_from_slice(&word.to_le_bytes()));
        at
    };
    let (zeros, offsets, text) = (words(&[0; 4]), words(&[0, 4, 8]), words(&[1, 2]));
    let (owners, times) = (words(&[0, 1]), words(&[5, 0, 6, 0]));
    let mut array = |rows: u32, buffers: &[u32], children: &[u32]| -> u32 {
        let (buffer_list, child_list) = (words(buffers), words(children));
        let (buffers, children) = (buffers.len() as u32, children.len() as u32);
        words(&[rows, 0, 0, 0, 0, 0, buffers, 0, children, 0, buffer_list, child_list, 0, 0, 0, 0])
    };
    let number = array(1, &[0, zeros], &[]);
    let columns = array(1, &[0], &[number, number, number]);
    let origin = array(1, &[0, zeros], &[]);
    let state = array(2, &[0, offsets, text], &[]);
    let states = array(2, &[0], &[state]);
    let owners = array(2, &[0, owners], &[]);
    let time = array(2, &[0, times], &[]);
    let timers = array(2, &[0], &[owners, time]);
    for (index, value) in [columns, origin, 0, 0, 0, 0, states, timers].into_iter().enumerate() {
        image[8 + 4 * index..12 + 4 * index].copy_from_slice(&value.to_le_bytes());
    }
    image
}

#[test]
fn bent_results_of_groups_never_panic() {
    let group = module("sessions").group("sessions").unwrap();
    let image = image();
    let mut noise = Noise(79);
    let (mut whole, mut refused) = (0, 0);
    assert_eq!(
        group.read(Memory(&image), 8, 2, 1 << 20).unwrap().timers,
        Timers { groups: vec![0, 1], times: vec![5, 6] }
    );
    for turn in 0..20_000 {
        let mut bent = image.clone();
        let at = 4 * noise.below(bent.len() / 4);
        let words = [0, 1, u32::MAX, 1 << 31, noise.next() as u32, noise.below(bent.len()) as u32];
        if turn % 8 != 0 {
            bent[at..at + 4].copy_from_slice(&words[noise.below(words.len())].to_le_bytes());
        }
        match group.read(Memory(&bent), 8, 2, 1 << 20) {
            Ok(output) => {
                output.rows.iter().chain(&output.states).for_each(|c| c.to_data().validate_full().unwrap());
                assert!(
                    output.row_groups.values().iter().chain(&output.timers.groups).all(|group| *group < 2)
                );
                whole += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(whole > 500 && refused > 500, "{whole} {refused}");
}
