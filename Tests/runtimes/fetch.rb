# libcapdist from Ruby's Fiddle. `fetch.rb LIBRARY DECLARATIONS PORT`. Fiddle reads no whole header: structs are bytes, and
# offsets come from docs/foreign.md.
require "fiddle"
require "io/wait"

library = Fiddle.dlopen(ARGV[0])
port = ARGV[2].to_i
P, I, U, L = Fiddle::TYPE_VOIDP, Fiddle::TYPE_INT, -Fiddle::TYPE_INT, Fiddle::TYPE_SIZE_T
Capdist = {
  options_init: [[P, L], I], init_connect: [[P, P], I], security_parse: [[P, P], I], last_error: [[], P],
  fetch_capital_distribution: [[P, P, P, P], I], get_capital_distribution: [[P, P, P, P, P, P], I],
  reply_free: [[P], Fiddle::TYPE_VOID], get_fd: [[P], I], process: [[P], I], release: [[P], I]
}.to_h do |name, (arguments, result)|
  # Fiddle gives the GVL up for the length of each call.
  [name, Fiddle::Function.new(library["capdist_#{name}"], arguments, result)]
end

OPTIONS, SECURITY = 200, 64 # sizes of then are good for every later 1.x
PORT, DESC, DISTRIBUTION, BIG = 16, 104, 112, 8

def struct(size) = Fiddle::Pointer.malloc(size, Fiddle::RUBY_FREE).tap { |memory| memory[0, size] = "\0" * size }
def at(address, offset) = (Fiddle::Pointer.new(address.to_i) + offset).ptr
def big(reply) = Fiddle::Pointer.new(at(reply, DISTRIBUTION).to_i)[BIG, 8].unpack1("d").to_i
def text(address) = Fiddle::Pointer.new(address.to_i).to_s.force_encoding("UTF-8")

connected = lambda do |mode|
  options, conn = struct(OPTIONS), struct(8)
  Capdist[:options_init].call(options, OPTIONS)
  options[PORT, 8] = [port, mode].pack("l2")
  raise text(Capdist[:last_error].call) unless Capdist[:init_connect].call(options, conn).zero?
  conn.ptr
end

conn, security = connected.call(0), struct(SECURITY)
%w[HK.00700 HK.99999 nonsense].each do |name|
  unless Capdist[:security_parse].call(name, security).zero?
    puts "#{name} #{text(Capdist[:last_error].call)}"
    next
  end
  out = struct(8)
  status = Capdist[:fetch_capital_distribution].call(conn, security, nil, out)
  puts "#{name} #{status.zero? ? big(out.ptr) : text(at(out.ptr, DESC))}"
  Capdist[:reply_free].call(out.ptr)
end
Capdist[:release].call(conn)

# Ruby may be called back on its own threads only: in application-driven mode.
conn = connected.call(1)
answer = nil
on_reply = Fiddle::Closure::BlockCaller.new(Fiddle::TYPE_VOID, [P, U, P, P]) { |_, _, reply, _| answer = big(reply) }
Capdist[:security_parse].call("HK.00700", security)
raise unless Capdist[:get_capital_distribution].call(conn, security, nil, on_reply, nil, nil).zero?
# Not Ruby's to close.
descriptor = IO.for_fd(Capdist[:get_fd].call(conn), autoclose: false)
Capdist[:process].call(conn) while !answer && descriptor.wait_readable(10)
puts "callback #{answer}"
Capdist[:release].call(conn)
