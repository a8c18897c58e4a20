;; libcapdist from Guile. `fetch.scm LIBRARY DECLARATIONS PORT`. Structs are bytes; offsets come from docs/foreign.md.
(use-modules (system foreign) (system foreign-library) (rnrs bytevectors) (ice-9 match))
(setvbuf (current-output-port) 'line)
(set-port-encoding! (current-output-port) "UTF-8")

(define library (load-foreign-library (list-ref (command-line) 1)))
(define port (string->number (list-ref (command-line) 3)))
(define (capdist name result . arguments)
  (foreign-library-function library (string-append "capdist_" name) #:return-type result #:arg-types arguments))

(define options-init (capdist "options_init" int32 '* size_t))
(define init-connect (capdist "init_connect" int32 '* '*))
(define security-parse (capdist "security_parse" int32 '* '*))
(define last-error (capdist "last_error" '*))
(define fetch (capdist "fetch_capital_distribution" int32 '* '* '* '*))
(define get (capdist "get_capital_distribution" int32 '* '* '* '* '* '*))
(define reply-free (capdist "reply_free" void '*))
(define get-fd (capdist "get_fd" int32 '*))
(define process (capdist "process" int32 '*))
(define release (capdist "release" int32 '*))

(define options-size 200) ; a size of then is good for every later 1.x
(define (out) (make-bytevector (sizeof '*) 0))
(define (pointer-in bytes) (make-pointer (bytevector-u64-native-ref bytes 0)))
(define (at address offset) (make-pointer (+ (pointer-address address) offset)))
(define (big reply)
  (let ((distribution (dereference-pointer (at reply 112))))
    (inexact->exact (truncate (bytevector-ieee-double-native-ref (pointer->bytevector (at distribution 8) 8) 0)))))
(define (text pointer) (pointer->string pointer -1 "UTF-8"))
(define (parsed name)
  (let ((security (make-bytevector 64 0)))
    (and (zero? (security-parse (string->pointer name) (bytevector->pointer security))) security)))

(define (connected mode)
  (let ((options (make-bytevector options-size 0)) (conn (out)))
    (options-init (bytevector->pointer options) options-size)
    (bytevector-s32-native-set! options 16 port)
    (bytevector-s32-native-set! options 20 mode)
    (unless (zero? (init-connect (bytevector->pointer options) (bytevector->pointer conn))) (error (text (last-error))))
    (pointer-in conn)))

;; Nothing to release: the collector stops threads by a signal, also one that waits in C.
(define conn (connected 0))
(for-each
 (lambda (name)
   (match (parsed name)
     (#f (format #t "~a ~a~%" name (text (last-error))))
     (security
      (let* ((reply (out))
             (status (fetch conn (bytevector->pointer security) %null-pointer (bytevector->pointer reply))))
        (format #t "~a ~a~%" name (if (zero? status)
                                      (big (pointer-in reply))
                                      (text (dereference-pointer (at (pointer-in reply) 104)))))
        (reply-free (pointer-in reply))))))
 '("HK.00700" "HK.99999" "nonsense"))
(release conn)

;; Application-driven: callbacks come on the thread that calls process.
(define driven (connected 1))
(define answer #f)
(define on-reply
  (procedure->pointer void (lambda (conn serial-no reply user-data) (set! answer (big reply))) (list '* uint32 '* '*)))
(get driven (bytevector->pointer (parsed "HK.00700")) %null-pointer on-reply %null-pointer %null-pointer)
(define descriptor (get-fd driven))
(let drive ()
  (unless answer
    (select (list descriptor) '() '() 10)
    (process driven)
    (drive)))
(format #t "callback ~a~%" answer)
(release driven)
