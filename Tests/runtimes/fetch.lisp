;;; libcapdist from SBCL's own foreign functions. `sbcl --script fetch.lisp LIBRARY DECLARATIONS PORT`. Structs are bytes;
;;; offsets come from docs/foreign.md.
(use-package '(:sb-sys))
(setf sb-impl::*default-external-format* :utf-8 sb-alien::*default-c-string-external-format* :utf-8)
(setf *standard-output* (sb-sys:make-fd-stream 1 :external-format :utf-8 :buffering :line :output t :input nil))

(defvar *arguments* (cdr sb-ext:*posix-argv*))
(defvar *port* (parse-integer (third *arguments*)))
(load-shared-object (first *arguments*))

(defmacro capdist (name result &rest parameters)
  "Defines a function of the library under its name without `capdist_`."
  `(defmacro ,name (&rest values)
     `(alien-funcall
       (extern-alien ,(format nil "capdist_~a" (substitute #\_ #\- (string-downcase (symbol-name ',name))))
                     (function ,',result ,@',parameters))
       ,@values)))

(capdist options-init int system-area-pointer size-t)
(capdist init-connect int system-area-pointer system-area-pointer)
(capdist security-parse int c-string system-area-pointer)
(capdist last-error c-string)
(capdist fetch-capital-distribution int system-area-pointer system-area-pointer system-area-pointer system-area-pointer)
(capdist get-capital-distribution int system-area-pointer system-area-pointer system-area-pointer system-area-pointer
         system-area-pointer system-area-pointer)
(capdist reply-free void system-area-pointer)
(capdist get-fd int system-area-pointer)
(capdist process int system-area-pointer)
(capdist release int system-area-pointer)

(defvar *null* (int-sap 0))
(defun memory (size)
  "Memory that no collection moves, with zeroes."
  (let ((sap (alien-sap (make-alien (unsigned 8) size))))
    (dotimes (at size sap) (setf (sap-ref-8 sap at) 0))))
(defun text (sap) (sb-alien::c-string-to-string sap :utf-8 'character))
(defun big (reply) (truncate (sap-ref-double (sap-ref-sap reply 112) 8)))
(defun parsed (name)
  (let ((security (memory 64)))
    (and (zerop (security-parse name security)) security)))
(defun connected (mode)
  (let ((options (memory 200)) (conn (memory 8))) ; a size of then is good for every later 1.x
    (options-init options 200)
    (setf (signed-sap-ref-32 options 16) *port* (signed-sap-ref-32 options 20) mode)
    (unless (zerop (init-connect options conn)) (error (last-error)))
    (sap-ref-sap conn 0)))

;; Nothing to release: a thread inside a foreign call does not hold up the collector.
(let ((conn (connected 0)))
  (dolist (name '("HK.00700" "HK.99999" "nonsense"))
    (let ((security (parsed name)) (reply (memory 8)))
      (if (null security)
          (format t "~a ~a~%" name (last-error))
          (let ((status (fetch-capital-distribution conn security *null* reply)))
            (format t "~a ~a~%" name
                    (if (zerop status) (big (sap-ref-sap reply 0)) (text (sap-ref-sap (sap-ref-sap reply 0) 104))))
            (reply-free (sap-ref-sap reply 0))))))
  (release conn))

;; Application-driven: the collector's signals stop only threads of Lisp, and callbacks come on one.
(defvar *answer* nil)
(sb-alien::define-alien-callable on-reply void ((conn system-area-pointer) (serial-no (unsigned 32))
                                                (reply system-area-pointer) (user-data system-area-pointer))
  (declare (ignore conn serial-no user-data))
  (setf *answer* (big reply)))
(let* ((conn (connected 1)) (descriptor (get-fd conn)))
  (get-capital-distribution conn (parsed "HK.00700") *null* (alien-sap (sb-alien::alien-callable-function 'on-reply))
                            *null* *null*)
  (loop until *answer*
        do (sb-sys:wait-until-fd-usable descriptor :input 10)
           (process conn))
  (format t "callback ~a~%" *answer*)
  (release conn))
