// measure - a client that is a program: runs it and tells its time, CPU and memory as a driver would.
//
//     measure COUNT STARTS FILE PROGRAM ARGUMENT...
//
// starts PROGRAM that many times, one after the other, with FILE as its standard input; all starts together
// send COUNT messages. The time to start the program is part of the figure: it is part of using it.
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

double seconds(const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

// 0, or what to exit with.
int run_once(const char* input, char** program, rusage& used) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int failure = posix_spawnp(&child, program[0], &actions, nullptr, program, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) {
        std::fprintf(stderr, "measure: %s: %s\n", program[0], std::strerror(failure));
        return 1;
    }
    int status = 0;
    while (wait4(child, &status, 0, &used) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::fprintf(stderr, "measure: %s ended with status %d\n", program[0], status);
        return 1;
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: measure COUNT STARTS FILE PROGRAM ARGUMENT...\n");
        return 64;
    }
    const unsigned long starts = std::strtoul(argv[2], nullptr, 10);
    double user = 0;
    double system = 0;
    long most = 0;
    const auto began = std::chrono::steady_clock::now();
    for (unsigned long i = 0; i < starts; ++i) {
        rusage used{};
        if (const int failed = run_once(argv[3], argv + 4, used); failed != 0) {
            return failed;
        }
        user += seconds(used.ru_utime);
        system += seconds(used.ru_stime);
        most = used.ru_maxrss > most ? used.ru_maxrss : most;
    }
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    std::printf("{\"messages\":%s,\"wall\":%.6f,\"user\":%.6f,\"sys\":%.6f,\"rss_kb\":%ld}\n", argv[1], wall,
                user, system, most);
}
