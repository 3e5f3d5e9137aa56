// A lazy coroutine that returns T. Starts when awaited, or when handed to `spawn`; resumes its awaiter by symmetric
// transfer. A frame is never destroyed while suspended: whoever wants a task to end wakes the leaf it waits for.
// Worker-local: a task lives and dies on the thread that made it.
#pragma once

#include "userspace-proxy/io/frame_pool.h"

#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

namespace fairlead::io {

template <class T>
class Task;

namespace detail {

struct PromiseBase {
  static void* operator new(size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, size_t size) noexcept { free_frame(frame, size); }

  struct Final {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      return self.promise().continuation;
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  Final final_suspend() noexcept { return {}; }
  // Nothing of ours throws; what does (out of memory) has no one to tell.
  [[noreturn]] void unhandled_exception() noexcept { std::abort(); }

  std::coroutine_handle<> continuation = std::noop_coroutine();
};

template <class T>
struct Promise : PromiseBase {
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& value) {
    result.emplace(std::forward<U>(value));
  }
  std::optional<T> result;
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) {
      handle_.destroy();
    }
  }

  struct Awaiter {
    Handle handle;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) const noexcept {
      handle.promise().continuation = awaiter;
      return handle;
    }
    T await_resume() const {
      if constexpr (!std::is_void_v<T>) {
        return std::move(*handle.promise().result);
      }
    }
  };
  Awaiter operator co_await() const& noexcept { return {handle_}; }

 private:
  Handle handle_;
};

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// The root of a spawned task: its frame frees itself at the end.
struct Detached {
  struct promise_type {
    static void* operator new(size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, size_t size) noexcept { free_frame(frame, size); }
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() noexcept { std::abort(); }
  };
};

}  // namespace detail

// Runs a task from here until its first suspension; it goes on by itself afterwards.
inline detail::Detached spawn(Task<void> task) { co_await task; }

}  // namespace fairlead::io
