(* libcapdist from OCaml, through stubs in C (fetch_ml.c), which release the runtime's lock while they wait. `fetch PORT`. *)
external connect : int -> nativeint = "capdist_ml_connect"
external fetch : nativeint -> string -> string = "capdist_ml_fetch"
external release : nativeint -> unit = "capdist_ml_release"

let () =
  let conn = connect (int_of_string Sys.argv.(1)) in
  let ticks = ref 0 in
  (* Goes on while the other thread waits in C. *)
  let stop = ref false in
  let ticker = Thread.create (fun () -> while not !stop do incr ticks; Thread.delay 0.001 done) () in
  List.iter (fun name -> Printf.printf "%s %s\n%!" name (fetch conn name)) [ "HK.00700"; "HK.99999"; "nonsense" ];
  stop := true;
  Thread.join ticker;
  if !ticks = 0 then print_endline "nothing else ran";
  release conn
