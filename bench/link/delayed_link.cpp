// delayed_link - a link with a set round trip, in user space: two network namespaces, a TUN device in each,
// and this program between them, which hands each packet over half a round trip after it came. The kernel's
// own means (netem) is absent from many kernels; this needs only /dev/net/tun and the right to make network
// namespaces.
//
//     delayed_link MILLISECONDS
//
// It prints two paths, one for each namespace, for `nsenter --net=PATH`: 10.79.0.1 is the client's
// end, 10.79.0.2 the server's. The namespaces end with the program. TUN, not TAP: there is no ARP that would
// wait for the link as well.
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

int checked(int value, const char* what) {
    if (value < 0) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    return value;
}

// One end: a namespace and the device in it.
struct end {
    int name_space = -1;
    int device = -1;
};

void set_address(ifreq& request, const char* address) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    inet_pton(AF_INET, address, &in.sin_addr);
    std::memcpy(&request.ifr_addr, &in, sizeof in);
}

void bring_up(int by, ifreq& request) {
    checked(ioctl(by, SIOCGIFFLAGS, &request), "read the device's flags");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP | IFF_RUNNING);
    checked(ioctl(by, SIOCSIFFLAGS, &request), "bring the device up");
}

// What one connection taught about the path must not help the next one: every round begins alike.
void forget_metrics() {
    const int file = open("/proc/sys/net/ipv4/tcp_no_metrics_save", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        checked(static_cast<int>(write(file, "1", 1)), "tcp_no_metrics_save");
        close(file);
    }
}

end make_end(const char* address) {
    checked(unshare(CLONE_NEWNET), "make a network namespace (this needs root)");
    end e;
    e.name_space = checked(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "open the namespace");
    e.device = checked(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "open /dev/net/tun");
    ifreq request{};
    std::strcpy(request.ifr_name, "link");
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    checked(ioctl(e.device, TUNSETIFF, &request), "make a TUN device");
    const int by = checked(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    set_address(request, address);
    checked(ioctl(by, SIOCSIFADDR, &request), "set the address");
    set_address(request, "255.255.255.0");
    checked(ioctl(by, SIOCSIFNETMASK, &request), "set the netmask");
    request.ifr_qlen = 10000; // a window's worth of packets at once must not be dropped
    checked(ioctl(by, SIOCSIFTXQLEN, &request), "set the queue");
    bring_up(by, request);
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    bring_up(by, loopback);
    forget_metrics();
    close(by);
    return e;
}

// A packet that is due waits for nobody who computes. Where that is not permitted, times are a little longer.
void come_first() {
    sched_param parameters{};
    parameters.sched_priority = 1;
    if (sched_setscheduler(0, SCHED_FIFO, &parameters) != 0) {
        std::fprintf(stderr, "delayed_link: no real-time priority: %s\n", std::strerror(errno));
    }
}

struct packet {
    clock_type::time_point due;
    int to;
    std::vector<char> octets;
};

void take_all(int from, int to, std::chrono::microseconds delay, std::deque<packet>& waiting) {
    std::array<char, 2048> octets;
    for (;;) {
        const ssize_t size = read(from, octets.data(), octets.size());
        if (size <= 0) {
            return;
        }
        waiting.push_back({clock_type::now() + delay, to, {octets.data(), octets.data() + size}});
    }
}

void hand_over(std::deque<packet>& waiting) {
    const auto now = clock_type::now();
    while (!waiting.empty() && waiting.front().due <= now) {
        const packet& p = waiting.front();
        if (write(p.to, p.octets.data(), p.octets.size()) < 0 && errno != EAGAIN && errno != EIO) {
            checked(-1, "hand a packet over");
        }
        waiting.pop_front();
    }
}

[[noreturn]] void forward(const end& a, const end& b, std::chrono::microseconds delay) {
    std::deque<packet> waiting;
    for (;;) {
        timespec wait{1, 0};
        if (!waiting.empty()) {
            const auto left = std::max(clock_type::duration::zero(), waiting.front().due - clock_type::now());
            const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
            wait = {whole.count(), std::chrono::nanoseconds(left - whole).count()};
        }
        std::array<pollfd, 2> devices{{{a.device, POLLIN, 0}, {b.device, POLLIN, 0}}};
        ppoll(devices.data(), devices.size(), &wait, nullptr);
        take_all(a.device, b.device, delay, waiting);
        take_all(b.device, a.device, delay, waiting);
        hand_over(waiting);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2 || std::atof(argv[1]) <= 0) {
        std::fprintf(stderr, "usage: delayed_link MILLISECONDS (of one round trip)\n");
        return 64;
    }
    try {
        // Half of the round trip each way.
        const std::chrono::microseconds delay(static_cast<std::int64_t>(std::atof(argv[1]) * 500));
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        prctl(PR_SET_TIMERSLACK, 1000); // nanoseconds
        come_first();
        const end client = make_end("10.79.0.1");
        const end server = make_end("10.79.0.2");
        std::printf("/proc/%d/fd/%d /proc/%d/fd/%d\n", getpid(), client.name_space, getpid(),
                    server.name_space);
        std::fflush(stdout);
        forward(client, server, delay);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "delayed_link: %s\n", e.what());
        return 1;
    }
}
