// light_server.hpp - a mail server for ten thousand connections: a process of its own, so that its memory and
// its descriptors are not the tested one's, and one thread.
#pragma once

#include <cstdint>
#include <sys/types.h>

namespace postrider::test {

class light_server {
  public:
    /// Lists PIPELINING and CHUNKING and takes everything. The first `held` messages are answered when the
    /// last of them is there: so many sessions must exist at once. Forks: call it before there are threads.
    explicit light_server(unsigned held);
    ~light_server();
    light_server(const light_server&) = delete;
    light_server& operator=(const light_server&) = delete;

    std::uint16_t port() const { return port_; }

  private:
    std::uint16_t port_ = 0;
    int leash_ = -1; // the child ends when it is closed, also if the test crashes
    pid_t child_ = -1;
};

} // namespace postrider::test
