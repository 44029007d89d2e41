#include <ferrule/client/connector.hpp>

#include <ferrule/process/spawn.hpp>

#include <memory>
#include <mutex>
#include <optional>

namespace ferrule {
namespace {

/// The program that was started last.
class running_program {
public:
    running_program() = default;
    running_program(const running_program&) = delete;
    running_program& operator=(const running_program&) = delete;
    ~running_program() { end(); }

    duplex restart(const std::vector<std::string>& command)
    {
        const std::lock_guard guard(mutex_);
        end();
        auto [process, output, input] = spawn_piped(command);
        child_ = std::move(process);
        return duplex(output, input);
    }

private:
    void end() noexcept
    {
        if (!child_)
            return;
        child_->kill();
        error_code ignored;
        (void)child_->wait({}, ignored);
        child_.reset();
    }

    std::mutex mutex_;
    std::optional<child> child_;
};

} // namespace

connector::connector(address to, const connect_options& o)
    : name_(to.to_string()),
      begin_([to = std::move(to), o] { return detail::connecting<void>(to, o); })
{
}

connector connector::program(std::vector<std::string> command)
{
    std::string name = command.empty() ? "a program" : "the program " + command.front();
    return {std::move(name), [running = std::make_shared<running_program>(), command = std::move(command)] {
                return running->restart(command);
            }};
}

} // namespace ferrule
