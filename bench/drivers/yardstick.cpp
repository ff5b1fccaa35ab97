// yardstick - what a client could reach at best: bare writes and reads of the same sizes against the same
// sink (fast_sink --echo REQUEST:REPLY).
//
//     yardstick HOST PORT COUNT FILE ping REQUEST=N REPLY=N     one write, one read, COUNT times
//     yardstick HOST PORT COUNT FILE connect REQUEST=N REPLY=N  the same over a new connection each
//     yardstick HOST PORT COUNT FILE write REQUEST=N REPLY=N    N octets in large writes from memory, one
//     read yardstick HOST PORT COUNT FILE file REQUEST=N REPLY=N     the same, read from FILE block by block
#include "driver.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t block_size = std::size_t{256} * 1024;

int connect_to(const bench::task& t) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(t.port);
    inet_pton(AF_INET, t.host.c_str(), &where.sin_addr);
    if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) {
        throw std::system_error(errno, std::generic_category(), "connect");
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void write_all(int fd, const char* octets, std::size_t size) {
    while (size != 0) {
        const ssize_t done = ::write(fd, octets, size);
        if (done <= 0) {
            throw std::system_error(errno, std::generic_category(), "write");
        }
        octets += done;
        size -= static_cast<std::size_t>(done);
    }
}

void read_all(int fd, std::vector<char>& into, std::size_t size) {
    while (size != 0) {
        const ssize_t done = ::read(fd, into.data(), std::min(size, into.size()));
        if (done <= 0) {
            throw std::system_error(errno, std::generic_category(), "read");
        }
        size -= static_cast<std::size_t>(done);
    }
}

void write_request(const bench::task& t, int fd, std::vector<char>& block, std::size_t size) {
    const int file = t.mode == "file" ? ::open(t.file.c_str(), O_RDONLY | O_CLOEXEC) : -1;
    while (size != 0) {
        std::size_t part = std::min(size, block.size());
        if (file >= 0) {
            const ssize_t got = ::read(file, block.data(), part);
            part = got > 0 ? static_cast<std::size_t>(got) : part;
        }
        write_all(fd, block.data(), part);
        size -= part;
    }
    if (file >= 0) {
        ::close(file);
    }
}

void run(const bench::task& t) {
    const std::size_t request = t.number("REQUEST", 0);
    const std::size_t reply = t.number("REPLY", 0);
    std::vector<char> block(std::min(std::max(request, reply), block_size), 'x');
    bench::stopwatch watch;
    int fd = connect_to(t);
    for (std::size_t i = 0; i < t.count; ++i) {
        if (t.mode == "connect" && i != 0) {
            ::close(fd);
            fd = connect_to(t);
        }
        write_request(t, fd, block, request);
        read_all(fd, block, reply);
    }
    watch.stop();
    ::close(fd);
    watch.print(t.count);
}

} // namespace

int main(int argc, char** argv) {
    return bench::drive(argc, argv, run);
}
