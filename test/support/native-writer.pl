# Sends journal entries over the native protocol, for Node.js, which has no Unix datagram sockets.
# stdin: 32-bit big-endian length and payload, again and again. stdout: a line for each entry, in order: empty, or why
# it could not be sent. Needs nothing but perl-base, which every Debian has.
#   perl native-writer.pl [UID]     UID: the user to become first
use strict;
use warnings;
use Errno qw(ECONNREFUSED EMSGSIZE ENOBUFS ENOENT);
use Fcntl qw(F_SETFD);
use POSIX ();
use Socket qw(AF_UNIX SOCK_DGRAM SOL_SOCKET SO_SNDBUF pack_sockaddr_un);

use constant F_ADD_SEALS => 1033;
use constant ALL_SEALS => 0xf;
use constant MFD_ALLOW_SEALING => 2;
use constant SCM_RIGHTS => 1;

my $uid = shift;
if (defined $uid) {
    $( = $uid;
    $) = "$uid $uid";
    POSIX::setuid($uid) or die "setuid $uid: $!\n";
}
my $journald = pack_sockaddr_un('/run/systemd/journal/socket');
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
setsockopt($socket, SOL_SOCKET, SO_SNDBUF, 4 << 20);
# As syscall(2) numbers them: memfd_create, sendmsg.
my %numbers = (x86_64 => [319, 46], aarch64 => [279, 211]);
my $numbers = $numbers{ (POSIX::uname())[4] };

my $input = '';
while (sysread(STDIN, $input, 1 << 18, length $input)) {
    my ($at, $answers) = (0, '');
    while (length($input) - $at >= 4) {
        my $length = unpack 'N', substr($input, $at, 4);
        last if length($input) - $at - 4 < $length;
        $answers .= deliver(substr($input, $at + 4, $length)) . "\n";
        $at += 4 + $length;
    }
    substr($input, 0, $at, '');
    while (length $answers) {
        my $written = syswrite(STDOUT, $answers) or exit 1;
        substr($answers, 0, $written, '');
    }
}

# While journald restarts there is nobody at its socket; under systemd PID 1 would keep it open, so wait as long.
sub deliver {
    my ($payload) = @_;
    for my $attempt (1 .. 1000) {
        return '' if defined send($socket, $payload, 0, $journald);
        return by_memfd($payload) if $! == EMSGSIZE or $! == ENOBUFS;
        last unless $! == ECONNREFUSED or $! == ENOENT;
        select undef, undef, undef, 0.005;
    }
    return "cannot send to journald: $!";
}

# What is too long for a datagram travels as a sealed memory file, see systemd's Native Journal Protocol.
sub by_memfd {
    my ($payload) = @_;
    return 'no system call numbers for this machine' unless $numbers;
    my $name = "journal\0";
    my $fd = syscall($numbers->[0], $name, MFD_ALLOW_SEALING);
    return "memfd_create: $!" if $fd < 0;
    open(my $file, '+<&=', $fd) or return "open: $!";
    binmode $file;
    for (my $at = 0; $at < length $payload;) {
        $at += syswrite($file, $payload, 1 << 20, $at) or return "write: $!";
    }
    fcntl($file, F_ADD_SEALS, ALL_SEALS) or return "seal: $!";
    my $control = pack 'Q i i i x4', 20, SOL_SOCKET, SCM_RIGHTS, $fd;
    my $message = pack 'P L x4 Q Q P Q i x4', $journald, length $journald, 0, 0, $control, length $control, 0;
    return syscall($numbers->[1], fileno $socket, $message, 0) < 0 ? "sendmsg: $!" : '';
}
