//! How a process shuts itself in before it reads what it cannot trust: limits of the kernel, and a list of system calls
//! with none that opens or starts anything. What it is for is its caller's.

use std::io;

use crate::error::{Error, Result};
use crate::udf::limits::{COMPILER_FILES_MAX, COMPILER_NICENESS, Limits};

/// Ends this process when it has worked or lasted too long, lets others go first, and closes what came with it.
pub fn limit_time(limits: &Limits) -> Result<()> {
    // The signal comes at the first number and kills; at the second nothing could catch it.
    set_limit("processor time", libc::RLIMIT_CPU, limits.compile_cpu_s, limits.compile_cpu_s + 1)?;
    set_limit("core", libc::RLIMIT_CORE, 0, 0)?;
    let seconds = u32::try_from(limits.compile_s).unwrap_or(u32::MAX);
    // SAFETY: these calls take numbers alone. Everything behind the standard streams is closed, and the standard library
    // has opened nothing else so far that it would use again.
    unsafe {
        libc::alarm(seconds);
        libc::nice(COMPILER_NICENESS);
        libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0);
    }
    Ok(())
}

/// Takes memory, files, network and other processes away from this process, all of its threads included. Gives what the
/// kernel did not allow: it can be done without, for it is the second wall.
pub fn shut_in(limits: &Limits) -> Result<Vec<String>> {
    let memory = address_space()? + limits.compile_memory_bytes;
    set_limit("memory", libc::RLIMIT_AS, memory, memory)?;
    // An image of a guest's memory is a file without a name.
    let file_bytes = limits.memory_bytes as u64;
    set_limit("size of a file", libc::RLIMIT_FSIZE, file_bytes, file_bytes)?;
    set_limit("files", libc::RLIMIT_NOFILE, COMPILER_FILES_MAX, COMPILER_FILES_MAX)?;
    match allow_calls() {
        Ok(()) => Ok(Vec::new()),
        Err(error) => Ok(vec![format!("the kernel takes no list of system calls (seccomp): {error}")]),
    }
}

#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

fn set_limit(what: &'static str, resource: Resource, soft: u64, hard: u64) -> Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the limit is read during the call only.
    if unsafe { libc::setrlimit(resource, &limit) } == 0 {
        return Ok(());
    }
    let cause = io::Error::last_os_error();
    Err(Error::external("limit the compiler's process").with("what", what).because(cause))
}

/// The bytes of address space in use: what pools of guests reserved before does not count as memory.
fn address_space() -> Result<u64> {
    let failed = |cause: io::Error| Error::external("find out how much memory is in use").because(cause);
    let text = std::fs::read_to_string("/proc/self/statm").map_err(failed)?;
    let pages = text.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    // SAFETY: takes a number and gives one.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let pages = pages.ok_or_else(|| failed(io::Error::other("/proc/self/statm has no number")))?;
    Ok(pages * u64::try_from(page_bytes).unwrap_or(4096))
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// All that a compiler and a guest need of the kernel: memory, threads, signals, the time, and the streams that are
/// open. Whatever is not here is answered as if the kernel did not know it.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const CALLS: [libc::c_long; 35] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_fcntl,
    libc::SYS_ftruncate,
    libc::SYS_memfd_create,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_tgkill,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn allow_calls() -> io::Result<()> {
    use std::mem::offset_of;

    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const IS: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const HAS: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
    const ANSWER: u32 = libc::BPF_RET | libc::BPF_K;
    const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
    // A test goes on to the next step if it holds, and over `otherwise` of them if not.
    let step = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let test = |code: u32, k: u32, otherwise: u8| libc::sock_filter { jf: otherwise, ..step(code, k) };
    let load = |at: usize| step(LOAD, at as u32);
    let allow = step(ANSWER, libc::SECCOMP_RET_ALLOW);
    let mut filter = vec![
        load(offset_of!(libc::seccomp_data, arch)),
        libc::sock_filter { jt: 1, ..step(IS, ARCHITECTURE) },
        step(ANSWER, libc::SECCOMP_RET_KILL_PROCESS),
        load(offset_of!(libc::seccomp_data, nr)),
    ];
    for call in CALLS {
        filter.extend([test(IS, call as u32, 1), allow]);
    }
    // A thread, but no process.
    filter.extend([
        test(IS, libc::SYS_clone as u32, 3),
        load(offset_of!(libc::seccomp_data, args)),
        test(HAS, libc::CLONE_THREAD as u32, 1),
        allow,
        step(ANSWER, UNKNOWN),
    ]);
    let length = u16::try_from(filter.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: filter.as_mut_ptr() };
    // SAFETY: both calls take numbers and a program that lives until they return.
    let shut = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_TSYNC,
                &program,
            ) == 0
    };
    if shut { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn allow_calls() -> io::Result<()> {
    Err(io::Error::other("there is no list for this kind of processor"))
}
