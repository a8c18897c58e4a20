#!/usr/bin/perl
# libcapdist from Perl's FFI::Platypus. `fetch.pl LIBRARY DECLARATIONS PORT`. Platypus reads no declarations: structs are bytes,
# and offsets come from docs/foreign.md.
use strict;
use warnings;
use FFI::Platypus 2.00;
use FFI::Platypus::Buffer qw(scalar_to_buffer);

my ($library, undef, $port) = @ARGV;
my $ffi = FFI::Platypus->new(api => 2, lib => $library);
$ffi->type('(opaque,uint32,opaque,opaque)->void' => 'reply_fn');
$ffi->attach(['capdist_options_init' => 'options_init'], ['opaque', 'size_t'] => 'sint32');
$ffi->attach(['capdist_init_connect' => 'init_connect'], ['opaque', 'opaque*'] => 'sint32');
$ffi->attach(['capdist_security_parse' => 'security_parse'], ['string', 'opaque'] => 'sint32');
$ffi->attach(['capdist_last_error' => 'last_error'], [] => 'string');
$ffi->attach(['capdist_fetch_capital_distribution' => 'fetch'], ['opaque', 'opaque', 'opaque', 'opaque*'] => 'sint32');
$ffi->attach(['capdist_get_capital_distribution' => 'get'], ['opaque', 'opaque', 'opaque', 'reply_fn', 'opaque', 'opaque'] => 'sint32');
$ffi->attach(['capdist_reply_free' => 'reply_free'], ['opaque'] => 'void');
$ffi->attach(['capdist_get_fd' => 'get_fd'], ['opaque'] => 'sint32');
$ffi->attach(['capdist_process' => 'process'], ['opaque'] => 'sint32');
$ffi->attach(['capdist_release' => 'release'], ['opaque'] => 'sint32');

my %size = (options => 200, security => 64); # a size of then is good for every later 1.x
my %at = (port => 16, mode => 20, desc => 104, distribution => 112, capital_in_big => 8);

sub at { my ($address, $type) = @_; return $ffi->cast('opaque', "$type*", $address) }
sub address { my ($pointer) = scalar_to_buffer($_[0]); return $pointer }

sub connected {
    my ($mode) = @_;
    my $options = "\0" x $size{options};
    options_init(address($options), $size{options}) == 0 or die last_error();
    substr($options, $at{port}, 8) = pack('l2', $port, $mode);
    my $conn;
    init_connect(address($options), \$conn) == 0 or die last_error();
    return $conn;
}

sub big { my $distribution = at($_[0] + $at{distribution}, 'opaque'); return ${ at($$distribution + $at{capital_in_big}, 'double') } }

# Nothing to release: Perl's interpreter has one thread, which waits.
my $conn = connected(0);
my $security = "\0" x $size{security};
for my $name ('HK.00700', 'HK.99999', 'nonsense') {
    if (security_parse($name, address($security)) != 0) { print "$name ", last_error(), "\n"; next }
    my $reply;
    my $status = fetch($conn, address($security), undef, \$reply);
    my $said = $status == 0 ? sprintf('%.0f', big($reply)) : $ffi->cast('opaque', 'string', ${ at($reply + $at{desc}, 'opaque') });
    print "$name $said\n";
    reply_free($reply);
}
release($conn);

# Callbacks only where Perl itself makes the call: in application-driven mode.
$conn = connected(1);
my $answer;
my $on_reply = $ffi->closure(sub { $answer = big($_[2]) });
security_parse('HK.00700', address($security));
get($conn, address($security), undef, $on_reply, undef, undef) == 0 or die last_error();
# By number: a handle of Perl's would close the descriptor, which is the library's.
vec(my $watched = '', get_fd($conn), 1) = 1;
process($conn) while !defined $answer && select(my $readable = $watched, undef, undef, 10) > 0;
printf "callback %.0f\n", $answer;
release($conn);
