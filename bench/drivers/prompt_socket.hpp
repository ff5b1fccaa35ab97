// prompt_socket.hpp - TCP_NODELAY for libraries whose interface has no word for it. Without it a message can
// wait for a delayed acknowledgement, 40 ms, which would say more about one missing option than about the
// library.
//
// The definition stands before the C library's, for the shared libraries too. Include it in one unit only.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" int socket(int domain, int type, int protocol) noexcept {
    const int fd = static_cast<int>(syscall(SYS_socket, domain, type, protocol));
    const int on = 1;
    if (fd >= 0 && domain == AF_INET) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return fd;
}
