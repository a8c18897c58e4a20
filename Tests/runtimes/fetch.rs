//! libcapdist from Rust, with a few handwritten declarations (bindgen makes all of them). `fetch PORT`.
use std::ffi::{c_void, CStr, CString};
use std::os::raw::c_char;
use std::ptr::null_mut;
use std::sync::mpsc::{channel, Sender};

#[repr(C)]
struct Security([u32; 16]);

/// The fields that are read; docs/foreign.md has the offsets.
#[repr(C)]
struct Reply {
    before: [u8; 104],
    desc: *const c_char,
    distribution: *const Distribution,
}

#[repr(C)]
struct Distribution {
    capital_in_super: f64,
    capital_in_big: f64,
}

type ReplyFn = extern "C" fn(*mut c_void, u32, *const Reply, *mut c_void);

#[link(name = "capdist")]
extern "C" {
    fn capdist_options_init(options: *mut u8, size: usize) -> i32;
    fn capdist_init_connect(options: *const u8, conn: *mut *mut c_void) -> i32;
    fn capdist_security_parse(text: *const c_char, security: *mut Security) -> i32;
    fn capdist_last_error() -> *const c_char;
    fn capdist_fetch_capital_distribution(
        conn: *mut c_void, security: *const Security, options: *const c_void, reply: *mut *mut Reply,
    ) -> i32;
    fn capdist_get_capital_distribution(
        conn: *mut c_void, security: *const Security, options: *const c_void, callback: ReplyFn, user_data: *mut c_void,
        serial_no: *mut u32,
    ) -> i32;
    fn capdist_reply_free(reply: *mut Reply);
    fn capdist_release(conn: *mut c_void) -> i32;
}

fn text(raw: *const c_char) -> String {
    unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned()
}

/// Called on the connection's thread. A panic must not leave it.
extern "C" fn on_reply(_: *mut c_void, _: u32, reply: *const Reply, user_data: *mut c_void) {
    let _ = std::panic::catch_unwind(|| unsafe {
        let answers = Box::from_raw(user_data as *mut Sender<f64>);
        let _ = answers.send((*(*reply).distribution).capital_in_big);
    });
}

/// The last error belongs to this thread: it is read before an await.
fn parsed(name: &str) -> Result<Security, String> {
    let name = CString::new(name).unwrap();
    let mut security = Security([0; 16]);
    match unsafe { capdist_security_parse(name.as_ptr(), &mut security) } {
        0 => Ok(security),
        _ => Err(text(unsafe { capdist_last_error() })),
    }
}

fn main() {
    let port: i32 = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut options = [0u64; 25]; // the size in 1.0 works with every later 1.x
    let mut conn = null_mut();
    unsafe {
        let raw = options.as_mut_ptr() as *mut u8;
        capdist_options_init(raw, 200);
        (raw.add(16) as *mut i32).write(port);
        assert_eq!(capdist_init_connect(raw, &mut conn), 0);
    }
    for name in ["HK.00700", "HK.99999", "nonsense"] {
        let said = parsed(name).map(|security| unsafe {
            let mut reply = null_mut();
            let status = capdist_fetch_capital_distribution(conn, &security, null_mut(), &mut reply);
            let said = if status == 0 {
                format!("{:.0}", (*(*reply).distribution).capital_in_big)
            } else {
                text((*reply).desc)
            };
            capdist_reply_free(reply);
            said
        });
        println!("{} {}", name, said.unwrap_or_else(|why| why));
    }
    let (answers, answer) = channel::<f64>();
    let sender = Box::into_raw(Box::new(answers)) as *mut c_void;
    let security = parsed("HK.00700").unwrap();
    unsafe { capdist_get_capital_distribution(conn, &security, null_mut(), on_reply, sender, null_mut()) };
    println!("callback {:.0}", answer.recv().unwrap());
    unsafe { capdist_release(conn) };
}
