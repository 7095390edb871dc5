//! `module!`: one line a function makes the manifest, the exports and the loop over the rows.

/// Declares the functions of a module. Each line is a shape, a name, its input columns and its output columns:
///
/// | shape | function |
/// |---|---|
/// | `map` | `fn(Option<value>, …) -> row`: one output row for each input row |
/// | `flat_map` | `fn(Option<value>, …, &mut Emit<…>)`: any number of output rows, each knows its origin |
/// | `batch` | `fn(Column<…>, …, &mut Builder<…>, …)`: whole columns, one output row for each input row |
/// | `aggregate` | a type with methods, see below: the rows of a group become one value |
/// | `group` | a type with methods, see below: a state and timers for each key |
/// | `foreach` | a type with methods, see below: the rows of a partition become effects |
///
/// A row of several columns is a tuple: `Emit<(STRING, INT)>`, `-> (Option<String>, i32)`.
///
/// An aggregate names, behind `with`, the type that holds a group's state and the columns that the host keeps it in:
///
/// ```
/// use wasmill_udf::*;
///
/// module! {
///     aggregate mean(x: DOUBLE) -> (mean: DOUBLE) with Mean(sum: DOUBLE, count: BIGINT);
/// }
///
/// #[derive(Default)]
/// struct Mean { sum: f64, count: i64 }
///
/// impl Mean {
///     /// From the columns; all of them are null for a group without rows.
///     fn load(sum: Option<f64>, count: Option<i64>) -> Mean {
///         Mean { sum: sum.unwrap_or(0.0), count: count.unwrap_or(0) }
///     }
///
///     /// Into the columns.
///     fn save(&self) -> (f64, i64) {
///         (self.sum, self.count)
///     }
///
///     /// Takes a row in; may give a `Result`, whose error fails the batch.
///     fn update(&mut self, x: Option<f64>) {
///         self.sum += x.unwrap_or(0.0);
///         self.count += x.is_some() as i64;
///     }
///
///     /// Takes in what another one has, of rows that came later.
///     fn merge(&mut self, other: Mean) {
///         self.sum += other.sum;
///         self.count += other.count;
///     }
///
///     fn finish(&self) -> Option<f64> {
///         (self.count > 0).then(|| self.sum / self.count as f64)
///     }
/// }
/// ```
///
/// Which rows come together in an `update` and what is merged with what is the host's choice, so it must not matter.
///
/// A `group` function goes through the rows of each key in their order, and is called again when a timer of the key
/// is over: `by event` when the watermark has reached the timer's time, `by processing` when the clock has. Behind
/// the columns of the state it may name the columns of the `key` that it wants to see; `load` gets them first.
///
/// ```
/// use wasmill_udf::*;
///
/// module! {
///     group gaps(time: TIMESTAMP) -> (silent_since: TIMESTAMP) with Gaps(last: TIMESTAMP) key(name: STRING) by event;
/// }
///
/// struct Gaps { last: Option<i64> }
///
/// impl Gaps {
///     /// From the key and the columns of its state; those are null for a key without state.
///     fn load(_name: Option<&str>, last: Option<i64>) -> Gaps {
///         Gaps { last }
///     }
///
///     /// Into the columns; nothing but nulls forgets the key.
///     fn save(&self) -> Option<i64> {
///         self.last
///     }
///
///     /// Takes a row in; may give a `Result`, whose error fails the batch.
///     fn row(&mut self, group: &mut Group<TIMESTAMP>, time: Option<i64>) {
///         self.last = self.last.max(time);
///         group.timers().to_vec().into_iter().for_each(|timer| group.delete_timer(timer));
///         self.last.into_iter().for_each(|last| group.set_timer(last + 60_000_000));
///     }
///
///     fn timer(&mut self, group: &mut Group<TIMESTAMP>, _time: i64) {
///         group.emit(self.last.take());
///     }
/// }
/// ```
///
/// A `foreach` function stands in a sink: it gets the rows of each partition of each batch, and the effects that it
/// emits take place when the batch is safe. A batch that runs again has the same partition, epoch and rows.
///
/// ```
/// use wasmill_udf::*;
///
/// module! {
///     foreach notify(user: STRING, total: BIGINT) -> (key: STRING, value: STRING) with Notify;
/// }
///
/// struct Notify { epoch: u64, rows: usize }
///
/// impl Notify {
///     /// The partition and the number of the batch; `None` if its rows are not wanted.
///     fn open(_partition: u32, epoch: u64) -> Option<Notify> {
///         Some(Notify { epoch, rows: 0 })
///     }
///
///     /// Takes a row; may give a `Result`, whose error fails the batch.
///     fn row(&mut self, effects: &mut Effects<(STRING, STRING)>, user: Option<&str>, total: Option<i64>) {
///         self.rows += 1;
///         effects.emit((user, format!("{} in batch {}", total.unwrap_or(0), self.epoch)));
///     }
///
///     /// The partition has ended; with an error if something failed elsewhere, and then there will be no effects.
///     fn close(self, effects: &mut Effects<(STRING, STRING)>, error: Option<&str>) {
///         if error.is_none() {
///             effects.emit(("all", format!("{} rows", self.rows)));
///         }
///     }
/// }
/// ```
#[macro_export]
macro_rules! module {
    ($(
        $shape:ident $name:ident ( $($input:ident : $input_kind:ty),* $(,)? )
            -> ( $($output:ident : $output_kind:ty),* $(,)? )
            $(
                with $holder:ident $(( $($state:ident : $state_kind:ty),+ $(,)? ))?
                $(key ( $($key:ident : $key_kind:ty),+ $(,)? ))?
                $(by $time:ident)?
            )?;
    )+) => {
        const _: () = {
            const FUNCTIONS: &[$crate::manifest::Function] = &[$(
                $crate::manifest::Function {
                    name: stringify!($name),
                    inputs: &[$($crate::module!(@column $input $input_kind)),*],
                    outputs: &[$($crate::module!(@column $output $output_kind)),*],
                    kind: $crate::module!(@kind $shape
                        $(($($($state $state_kind,)+)?) ($($($key $key_kind,)+)?) ($($time)?))?),
                    run: |call, result| {
                        $crate::module!(@run $shape call result $name
                            ($($input $input_kind,)*) ($($output $output_kind,)*)
                            $($holder ($($($state $state_kind,)+)?) ($($($key $key_kind,)+)?) ($($time)?))?)
                    },
                }
            ),+];

            const MANIFEST: $crate::manifest::Manifest<{ $crate::manifest::manifest::<0>(FUNCTIONS).len }> =
                $crate::manifest::manifest(FUNCTIONS);

            #[cfg(target_arch = "wasm32")]
            #[used]
            #[unsafe(link_section = "wasmill.manifest")]
            static SECTION: [u8; MANIFEST.bytes.len()] = MANIFEST.bytes;

            #[cfg(target_arch = "wasm32")]
            #[unsafe(export_name = "wasmill_arena_alloc")]
            extern "C" fn arena_alloc(bytes: usize, align: usize) -> *mut u8 {
                $crate::arena::alloc(bytes, align)
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(export_name = "wasmill_arena_reset")]
            extern "C" fn arena_reset() {
                $crate::arena::reset();
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(export_name = "wasmill_open")]
            unsafe extern "C" fn open(
                function: u32,
                inputs: &$crate::abi::ArrowSchema,
                outputs: &mut $crate::abi::ArrowSchema,
                result: &mut $crate::abi::CallResult,
            ) -> i32 {
                // SAFETY: the host passes structs as the ABI describes them.
                unsafe { $crate::entry::open(FUNCTIONS, function, inputs, outputs, result) }
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(export_name = "wasmill_process")]
            unsafe extern "C" fn process(
                function: u32,
                call: *const core::ffi::c_void,
                result: &mut $crate::abi::CallResult,
            ) -> i32 {
                // SAFETY: the host passes structs as the ABI describes them.
                unsafe { $crate::entry::process(FUNCTIONS, function, call, result) }
            }

            // Natively nothing calls the functions but unit tests; this keeps the manifest checked all the same.
            #[cfg(not(target_arch = "wasm32"))]
            const _: () = assert!(MANIFEST.len == MANIFEST.bytes.len());

            // For `wasmill udf bench`, which links a program of this name to it.
            #[cfg(not(target_arch = "wasm32"))]
            #[unsafe(no_mangle)]
            extern "C" fn wasmill_native_bench() {
                $crate::bench::run(FUNCTIONS);
            }
        };
    };

    (@column $name:ident $kind:ty) => {
        $crate::manifest::ColumnSpec::of::<$kind>(stringify!($name))
    };

    (@kind map) => { $crate::manifest::FunctionKind::Transform { origin: false } };
    (@kind flat_map) => { $crate::manifest::FunctionKind::Transform { origin: true } };
    (@kind batch) => { $crate::manifest::FunctionKind::Transform { origin: false } };
    (@kind aggregate ($($state:ident $kind:ty,)+) () ()) => {
        $crate::manifest::FunctionKind::Aggregate { state: &[$($crate::module!(@column $state $kind)),+] }
    };
    (@kind group ($($state:ident $kind:ty,)+) ($($key:ident $key_kind:ty,)*) ($($time:ident)?)) => {
        $crate::manifest::FunctionKind::Group {
            key: &[$($crate::module!(@column $key $key_kind)),*],
            state: &[$($crate::module!(@column $state $kind)),+],
            time: $crate::manifest::time_mode(concat!("" $(, stringify!($time))?)),
        }
    };

    (@kind foreach () () ()) => { $crate::manifest::FunctionKind::Foreach };

    // The row type of the output columns.
    (@row) => { () };
    (@row $kind:ty) => { $kind };
    (@row $($kind:ty),+) => { ($($kind,)+) };

    // Binds the input columns, in order.
    (@bind $batch:ident $($name:ident $kind:ty,)*) => {
        #[allow(unused_mut, unused_variables, reason = "a function may have no input")]
        let mut children = $batch.children;
        $(
            // SAFETY: the batch has a child of this kind for each input column.
            let $name = unsafe { $crate::Column::<$kind>::from_array(&**children) };
            #[allow(unused_assignments, unused_unsafe, reason = "the last step leads nowhere")]
            // SAFETY: as above; one past the last is not read.
            { children = unsafe { children.add(1) }; }
        )*
    };

    // What a transform is called with.
    (@batch_of $call:ident) => {{
        // SAFETY: the host passes a batch of the inputs as the ABI describes it.
        unsafe { &*$call.cast::<$crate::abi::ArrowArray>() }
    }};

    (@run map $call:ident $result:ident $name:ident ($($in:ident $in_kind:ty,)*) ($($out:ident $out_kind:ty,)*)) => {{
        let batch = $crate::module!(@batch_of $call);
        $crate::module!(@bind batch $($in $in_kind,)*);
        let rows = batch.length as usize;
        let mut out = $crate::rows::Map::<$crate::module!(@row $($out_kind),*)>::new(rows);
        for row in 0..rows {
            out.put(row, $name($($in.get(row)),*));
        }
        out.finish($result);
        $crate::abi::OK
    }};

    (@run flat_map $call:ident $result:ident $name:ident
        ($($in:ident $in_kind:ty,)*) ($($out:ident $out_kind:ty,)*)) => {{
        let batch = $crate::module!(@batch_of $call);
        $crate::module!(@bind batch $($in $in_kind,)*);
        let rows = batch.length as usize;
        let mut out = $crate::Emit::<$crate::module!(@row $($out_kind),*)>::new(rows);
        for row in 0..rows {
            out.start_row(row);
            $name($($in.get(row),)* &mut out);
        }
        out.finish($result);
        $crate::abi::OK
    }};

    (@run batch $call:ident $result:ident $name:ident
        ($($in:ident $in_kind:ty,)*) ($($out:ident $out_kind:ty,)*)) => {{
        let batch = $crate::module!(@batch_of $call);
        $crate::module!(@bind batch $($in $in_kind,)*);
        let rows = batch.length as usize;
        $crate::module!(@batch $result rows $name ($($in)*) ($($out $out_kind,)*))
    }};

    (@run aggregate $call:ident $result:ident $name:ident ($($in:ident $in_kind:ty,)*) ($out:ident $out_kind:ty,)
        $holder:ident ($($state:ident $state_kind:ty,)+) () ()) => {{
        // SAFETY: the host passes the call of an aggregate as the ABI describes it.
        let call = unsafe { &*$call.cast::<$crate::abi::AggregateCall>() };
        // SAFETY: as above.
        let states = unsafe { &*call.states };
        $crate::module!(@bind states $($state $state_kind,)+);
        let groups = states.length as usize;
        let mut held: Vec<$holder> = (0..groups).map(|group| $holder::load($($state.get(group)),+)).collect();
        if call.step == $crate::abi::UPDATE || call.step == $crate::abi::MERGE {
            // SAFETY: these steps have rows, with the group of each behind the other columns.
            let (rows, group) = unsafe { $crate::entry::grouped(&*call.rows) };
            if call.step == $crate::abi::UPDATE {
                $crate::module!(@bind rows $($in $in_kind,)*);
                for (row, group) in group.iter().enumerate() {
                    let status = $crate::entry::Status::finish(
                        held[*group as usize].update($($in.get(row)),*), $result);
                    if status != $crate::abi::OK {
                        return status;
                    }
                }
            } else {
                $crate::module!(@bind rows $($state $state_kind,)+);
                for (row, group) in group.iter().enumerate() {
                    let other = $holder::load($($state.get(row)),+);
                    let status = $crate::entry::Status::finish(held[*group as usize].merge(other), $result);
                    if status != $crate::abi::OK {
                        return status;
                    }
                }
            }
            let mut out = $crate::rows::Groups::<$crate::module!(@row $($state_kind),+)>::new(groups);
            held.iter().for_each(|state| out.put(state.save()));
            out.finish($result)
        } else {
            let mut out = $crate::rows::Groups::<$out_kind>::new(groups);
            held.iter().for_each(|state| out.put(state.finish()));
            out.finish($result)
        }
    }};

    (@run group $call:ident $result:ident $name:ident
        ($($in:ident $in_kind:ty,)*) ($($out:ident $out_kind:ty,)*)
        $holder:ident ($($state:ident $state_kind:ty,)+) ($($key:ident $key_kind:ty,)*) ($($time:ident)?)) => {{
        // SAFETY: the host passes the call of a group function as the ABI describes it.
        let call = unsafe { &*$call.cast::<$crate::abi::GroupCall>() };
        // SAFETY: as above.
        let (keys, states, rows) = unsafe { (&*call.keys, &*call.states, &*call.rows) };
        let functions = $crate::group::Functions {
            load: {
                $crate::module!(@bind keys $($key $key_kind,)*);
                $crate::module!(@bind states $($state $state_kind,)+);
                move |group: usize| $holder::load($($key.get(group),)* $($state.get(group)),+)
            },
            row: {
                $crate::module!(@bind rows $($in $in_kind,)*);
                move |held: &mut $holder, group: &mut $crate::Group<$crate::module!(@row $($out_kind),*)>,
                    row: usize| held.row(group, $($in.get(row)),*)
            },
            timer: |held: &mut $holder, group: &mut $crate::Group<$crate::module!(@row $($out_kind),*)>,
                time: i64| { $crate::module!(@timer held group time $($time)?) },
            save: |held: &$holder, out: &mut $crate::rows::Groups<$crate::module!(@row $($state_kind),+)>| {
                out.put(held.save())
            },
        };
        // SAFETY: as above.
        unsafe { $crate::group::run(call, $result, functions) }
    }};

    (@run foreach $call:ident $result:ident $name:ident
        ($($in:ident $in_kind:ty,)*) ($($out:ident $out_kind:ty,)*) $holder:ident () () ()) => {{
        thread_local! {
            static HELD: core::cell::RefCell<Option<$holder>> = const { core::cell::RefCell::new(None) };
        }
        // SAFETY: the host passes the call of a foreach function as the ABI describes it.
        let call = unsafe { &*$call.cast::<$crate::abi::ForeachCall>() };
        type Effects = $crate::Effects<$crate::module!(@row $($out_kind),*)>;
        let functions = $crate::foreach::Functions {
            open: $holder::open,
            process: |held: &mut $holder, rows: &$crate::abi::ArrowArray, effects: &mut Effects,
                result: &mut $crate::abi::CallResult| {
                $crate::module!(@bind rows $($in $in_kind,)*);
                for row in 0..rows.length as usize {
                    let status = $crate::entry::Status::finish(held.row(effects, $($in.get(row)),*), result);
                    if status != $crate::abi::OK {
                        return status;
                    }
                }
                $crate::abi::OK
            },
            close: |held: $holder, effects: &mut Effects, error: Option<&str>| held.close(effects, error),
        };
        // SAFETY: as above.
        HELD.with_borrow_mut(|held| unsafe { $crate::foreach::run(held, call, $result, functions) })
    }};

    (@timer $held:ident $group:ident $at:ident) => {{ let _ = ($held, $group, $at); }};
    (@timer $held:ident $group:ident $at:ident $time:ident) => { $held.timer($group, $at) };

    (@batch $result:ident $rows:ident $name:ident ($($in:ident)*) ($($out:ident $out_kind:ty,)*)) => {{
        // A function may use one name for an input and an output, so the call is made where both are in reach.
        $crate::module!(@call $result $rows $name ($($in,)*) () $(($out $out_kind))*)
    }};

    // Gives each output column a builder of its own: a fresh one at every turn, kept apart by hygiene.
    (@call $result:ident $rows:ident $name:ident ($($in:ident,)*) ($($builder:ident,)*)
        ($out:ident $out_kind:ty) $($more:tt)*) => {{
        let mut builder = <$crate::Builder<$out_kind> as $crate::Build>::with_rows($rows);
        $crate::module!(@call $result $rows $name ($($in,)*) ($($builder,)* builder,) $($more)*)
    }};
    (@call $result:ident $rows:ident $name:ident ($($in:ident,)*) ($($builder:ident,)*)) => {{
        let status = $crate::entry::Status::finish($name($($in,)* $(&mut $builder),*), $result);
        if status == $crate::abi::OK {
            $crate::rows::finish_columns([$($crate::Build::finish($builder)),*], $result);
        }
        status
    }};
}
