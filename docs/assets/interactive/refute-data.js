// Made by docs/tools/refuting.py.
"use strict";

const REFUTE = {
 "lines": 33,
 "functions": [
  {
   "id": "sde.flow_grpo_drift",
   "formula": "v + g**2 / (2 * t) * (x + (1 - t) * v)",
   "edits": [
    {
     "formula": "v - g**2 / (2 * t) * (x + (1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−1.49467"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.304238"
      }
     ]
    },
    {
     "formula": "v",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.747334"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.152119"
      }
     ]
    },
    {
     "formula": "g**2 / (2 * t) * (x + (1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.14433"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.830269"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * t)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−2.80759"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−0.305893"
      }
     ]
    },
    {
     "formula": "v + (x + (1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.384596"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.00831081"
      }
     ]
    },
    {
     "formula": "v + g**2 * (x + (1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.446859"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−0.122323"
      }
     ]
    },
    {
     "formula": "v + g**2 * (2 * t) * (x + (1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "1.16091"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−0.343008"
      }
     ]
    },
    {
     "formula": "v + g**3 / (2 * t) * (x + (1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.608653"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−0.0580248"
      }
     ]
    },
    {
     "formula": "v + g**2 / t * (x + (1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.747334"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−0.152119"
      }
     ]
    },
    {
     "formula": "v + g**2 / (3 * t) * (x + (1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.249111"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.0507064"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * (1 - t)) * (x + (1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "2.22284"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−1.24898"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * t) * (x - (1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.119556"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.172029"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * t) * x",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.059778"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.0860143"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * t) * ((1 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.807112"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.0661049"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * t) * (x + (1 - t))",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.354398"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.0411574"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * t) * (x + v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.237579"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−0.792237"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * t) * (x + (1 + t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.475158"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−1.58447"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * t) * (x + -t * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.297357"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.878251"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * t) * (x + (2 - t) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.297357"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−0.878251"
      }
     ]
    },
    {
     "formula": "v + g**2 / (2 * t) * (x + (1 - (1 - t)) * v)",
     "breaks": [
      {
       "line": 30,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.177801"
      },
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−0.706222"
      }
     ]
    }
   ]
  },
  {
   "id": "sde.drift",
   "formula": "v - g**2 / 2 * score",
   "edits": [
    {
     "formula": "v + g**2 / 2 * score",
     "breaks": [
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "5.18979"
      },
      {
       "line": 29,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "1.49467"
      },
      {
       "line": 31,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "1.49467"
      }
     ]
    },
    {
     "formula": "v",
     "breaks": [
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "2.5949"
      },
      {
       "line": 29,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.747334"
      },
      {
       "line": 31,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.747334"
      }
     ]
    },
    {
     "formula": "-(g**2 / 2 * score)",
     "breaks": [
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−1.21649"
      },
      {
       "line": 29,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.14433"
      },
      {
       "line": 31,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.14433"
      }
     ]
    },
    {
     "formula": "v - g**2 / 2",
     "breaks": [
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "3.04468"
      },
      {
       "line": 29,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.89875"
      },
      {
       "line": 31,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.89875"
      }
     ]
    },
    {
     "formula": "v - score",
     "breaks": [
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−3.17433"
      },
      {
       "line": 29,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.293327"
      },
      {
       "line": 31,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.293327"
      }
     ]
    },
    {
     "formula": "v - g**2 * score",
     "breaks": [
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−2.5949"
      },
      {
       "line": 29,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.747334"
      },
      {
       "line": 31,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.747334"
      }
     ]
    },
    {
     "formula": "v - g**2 * 2 * score",
     "breaks": [
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−7.78469"
      },
      {
       "line": 29,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−2.242"
      },
      {
       "line": 31,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−2.242"
      }
     ]
    },
    {
     "formula": "v - g**3 / 2 * score",
     "breaks": [
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "0.133758"
      },
      {
       "line": 29,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.608653"
      },
      {
       "line": 31,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "−0.608653"
      }
     ]
    },
    {
     "formula": "v - g**2 / 3 * score",
     "breaks": [
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "0.864966"
      },
      {
       "line": 29,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.249111"
      },
      {
       "line": 31,
       "at": "g = 176/97, v = 14/97, t = 155/194, x = −38/97",
       "gap": "0.249111"
      }
     ]
    }
   ]
  },
  {
   "id": "sde.forward_drift",
   "formula": "v + g**2 / 2 * score",
   "edits": [
    {
     "formula": "v - g**2 / 2 * score",
     "breaks": [
      {
       "line": 2,
       "at": "∂²p/∂x² = −6/97, ∂p/∂x = −26/97, ∂v/∂x = 62/97, g = 132/97, p = 146/97, v = −138/97",
       "gap": "−0.114547"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "5.18979"
      }
     ]
    },
    {
     "formula": "v",
     "breaks": [
      {
       "line": 2,
       "at": "∂²p/∂x² = −6/97, ∂p/∂x = −26/97, ∂v/∂x = 62/97, g = 132/97, p = 146/97, v = −138/97",
       "gap": "−0.0572735"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "2.5949"
      }
     ]
    },
    {
     "formula": "g**2 / 2 * score",
     "breaks": [
      {
       "line": 2,
       "at": "∂p/∂x = 114/97, ∂v/∂x = 114/97, p = 16/97, v = 122/97",
       "gap": "1.67202"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "1.21649"
      }
     ]
    },
    {
     "formula": "v + g**2 / 2",
     "breaks": [
      {
       "line": 2,
       "at": "∂²p/∂x² = −6/97, ∂p/∂x = −26/97, ∂v/∂x = 62/97, g = 132/97, p = 146/97, v = −138/97",
       "gap": "0.190912"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "3.04468"
      }
     ]
    },
    {
     "formula": "v + score",
     "breaks": [
      {
       "line": 2,
       "at": "∂²p/∂x² = −6/97, ∂p/∂x = −26/97, ∂v/∂x = 62/97, g = 132/97, p = 146/97, v = −138/97",
       "gap": "0.00458214"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−3.17433"
      }
     ]
    },
    {
     "formula": "v + g**2 * score",
     "breaks": [
      {
       "line": 2,
       "at": "∂²p/∂x² = −6/97, ∂p/∂x = −26/97, ∂v/∂x = 62/97, g = 132/97, p = 146/97, v = −138/97",
       "gap": "0.0572735"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−2.5949"
      }
     ]
    },
    {
     "formula": "v + g**2 * 2 * score",
     "breaks": [
      {
       "line": 2,
       "at": "∂²p/∂x² = −6/97, ∂p/∂x = −26/97, ∂v/∂x = 62/97, g = 132/97, p = 146/97, v = −138/97",
       "gap": "0.171821"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−7.78469"
      }
     ]
    },
    {
     "formula": "v + g**3 / 2 * score",
     "breaks": [
      {
       "line": 2,
       "at": "∂²p/∂x² = −6/97, ∂p/∂x = −26/97, ∂v/∂x = 62/97, g = 132/97, p = 146/97, v = −138/97",
       "gap": "0.0206657"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "0.133758"
      }
     ]
    },
    {
     "formula": "v + g**2 / 3 * score",
     "breaks": [
      {
       "line": 2,
       "at": "∂²p/∂x² = −6/97, ∂p/∂x = −26/97, ∂v/∂x = 62/97, g = 132/97, p = 146/97, v = −138/97",
       "gap": "−0.0190912"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "0.864966"
      }
     ]
    }
   ]
  },
  {
   "id": "sde.reverse_drift",
   "formula": "f - g**2 * score",
   "edits": [
    {
     "formula": "f + g**2 * score",
     "breaks": [
      {
       "line": 5,
       "at": "∂f/∂x = −114/97, ∂²p/∂x² = 70/97, ∂p/∂x = 170/97, f = 86/97, g = 130/97, p = 54/97",
       "gap": "2.59239"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−10.3796"
      }
     ]
    },
    {
     "formula": "f",
     "breaks": [
      {
       "line": 5,
       "at": "∂f/∂x = −114/97, ∂²p/∂x² = 70/97, ∂p/∂x = 170/97, f = 86/97, g = 130/97, p = 54/97",
       "gap": "1.29619"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−5.18979"
      }
     ]
    },
    {
     "formula": "-(g**2 * score)",
     "breaks": [
      {
       "line": 5,
       "at": "∂f/∂x = −114/97, ∂²p/∂x² = 70/97, ∂p/∂x = 170/97, f = 86/97, g = 130/97, p = 54/97",
       "gap": "−0.899564"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "3.81139"
      }
     ]
    },
    {
     "formula": "f - g**2",
     "breaks": [
      {
       "line": 5,
       "at": "∂f/∂x = −114/97, ∂²p/∂x² = 70/97, ∂p/∂x = 170/97, f = 86/97, g = 130/97, p = 54/97",
       "gap": "−1.8517"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−6.08936"
      }
     ]
    },
    {
     "formula": "f - score",
     "breaks": [
      {
       "line": 5,
       "at": "∂f/∂x = −114/97, ∂²p/∂x² = 70/97, ∂p/∂x = 170/97, f = 86/97, g = 130/97, p = 54/97",
       "gap": "0.574543"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "0.579437"
      }
     ]
    },
    {
     "formula": "f - g**3 * score",
     "breaks": [
      {
       "line": 5,
       "at": "∂f/∂x = −114/97, ∂²p/∂x² = 70/97, ∂p/∂x = 170/97, f = 86/97, g = 130/97, p = 54/97",
       "gap": "−0.440973"
      },
      {
       "line": 8,
       "at": "∂p/∂x = −150/97, g = 92/97, p = 26/97, v = −118/97",
       "gap": "−0.267515"
      }
     ]
    }
   ]
  },
  {
   "id": "conversions.score_from_velocity",
   "formula": "(d_alpha * x - alpha * v) / (sigma * (alpha * d_sigma - d_alpha * sigma))",
   "edits": [
    {
     "formula": "d_alpha * x - alpha * v",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "−0.727169"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) * (sigma * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "−1.19196"
      }
     ]
    },
    {
     "formula": "(d_alpha * x + alpha * v) / (sigma * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −138/97, t = 50/97",
       "gap": "1.37868"
      }
     ]
    },
    {
     "formula": "d_alpha * x / (sigma * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −138/97, t = 50/97",
       "gap": "0.68934"
      }
     ]
    },
    {
     "formula": "-(alpha * v) / (sigma * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "−1.34021"
      }
     ]
    },
    {
     "formula": "(d_alpha - alpha * v) / (sigma * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "−0.340206"
      }
     ]
    },
    {
     "formula": "(x - alpha * v) / (sigma * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "−2.68041"
      }
     ]
    },
    {
     "formula": "(d_sigma * x - alpha * v) / (sigma * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "−2.68041"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha) / (sigma * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −138/97, t = 50/97",
       "gap": "1.17388"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - v) / (sigma * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −138/97, t = 50/97",
       "gap": "−0.73334"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - sigma * v) / (sigma * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −138/97, t = 50/97",
       "gap": "−0.0440004"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / sigma",
     "breaks": [],
     "because": "σ̇ = 1 and the determinant is 1 on the linear path, the only one in this chain"
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (alpha * d_sigma - d_alpha * sigma)",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "−0.727169"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (alpha * (alpha * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "0.560959"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * (alpha * d_sigma + d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "1.64668"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * (alpha * d_sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "0.82334"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * -(d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "0.464789"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * (alpha - d_alpha * sigma))",
     "breaks": [],
     "because": "σ̇ = 1 and the determinant is 1 on the linear path, the only one in this chain"
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * (d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "−0.82334"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * (sigma * d_sigma - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "−0.358551"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * (alpha * d_alpha - d_alpha * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "0.929577"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * (alpha * d_sigma - d_alpha))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "−0.464789"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * (alpha * d_sigma - sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "1.64668"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * (alpha * d_sigma - d_sigma * sigma))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "1.64668"
      }
     ]
    },
    {
     "formula": "(d_alpha * x - alpha * v) / (sigma * (alpha * d_sigma - d_alpha * alpha))",
     "breaks": [
      {
       "line": 28,
       "at": "v = −14/97, t = 62/97, x = 130/97",
       "gap": "0.358551"
      }
     ]
    }
   ]
  },
  {
   "id": "sde.euler_maruyama",
   "formula": "Gaussian(mean=x + h * f, std=g * sqrt(h))",
   "edits": [
    {
     "formula": "Gaussian(mean=x - h * f, std=g * sqrt(h))",
     "breaks": [
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "1.96478"
      }
     ]
    },
    {
     "formula": "Gaussian(mean=x, std=g * sqrt(h))",
     "breaks": [
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "0.982388"
      }
     ]
    },
    {
     "formula": "Gaussian(mean=h * f, std=g * sqrt(h))",
     "breaks": [
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−0.14433"
      }
     ]
    },
    {
     "formula": "Gaussian(mean=x + h, std=g * sqrt(h))",
     "breaks": [
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "1.41538"
      }
     ]
    },
    {
     "formula": "Gaussian(mean=x + f, std=g * sqrt(h))",
     "breaks": [
      {
       "line": 32,
       "at": "g = 134/97, v = 186/97, h = 42/97, t = 175/194, x = 14/97",
       "gap": "−1.28646"
      }
     ]
    },
    {
     "formula": "Gaussian(mean=x + h * f, std=g)",
     "breaks": [
      {
       "line": 32,
       "at": "g = 122/97, h = 1/194",
       "gap": "1.16743"
      }
     ]
    },
    {
     "formula": "Gaussian(mean=x + h * f, std=sqrt(h))",
     "breaks": [
      {
       "line": 32,
       "at": "g = 122/97, h = 1/194",
       "gap": "−0.0185041"
      }
     ]
    },
    {
     "formula": "Gaussian(mean=x + h * f, std=g * h)",
     "breaks": [
      {
       "line": 32,
       "at": "g = 122/97, h = 1/194",
       "gap": "−0.0838167"
      }
     ]
    }
   ]
  }
 ]
};

if (typeof module !== "undefined") module.exports = { REFUTE };
